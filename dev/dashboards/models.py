"""The dashboard of the models: what each one answers, how fast, and where the time goes."""

from __future__ import annotations

from typing import Any

from dev.dashboards.layout import choice, dashboard, graph, query, table

M = 'namespace=~"$namespace", model_name=~"$model", model_version=~"$version"'
CLIENTS = f'{M}, endpoint!~"/health|/metrics|/ping|/v2/health/.+"'
"""Without the requests of probes and of Prometheus."""
WATCHED = 'model_namespace=~"$namespace", model_name=~"$model"'
MODEL = "{{namespace}}/{{model_name}}"


def rate(metric: str, *labels: str, of: str = M) -> str:
    """Return the increase per second of a metric, by model and these labels."""
    return f"sum by ({', '.join(('namespace', 'model_name', *labels))}) (rate({metric}{{{of}}}[$__rate_interval]))"


def quantile(q: float, metric: str, *labels: str, of: str = M) -> str:
    """Return a quantile of a histogram, by model and these labels."""
    return f"histogram_quantile({q}, {rate(f'{metric}_bucket', *labels, 'le', of=of)})"


def mean(metric: str, *labels: str) -> str:
    """Return the mean of a histogram's values, by model and these labels."""
    return f"{rate(f'{metric}_sum', *labels)} / {rate(f'{metric}_count', *labels)}"


def failing() -> str:
    """Return the share of requests that fail because of the server or its load."""
    failed = rate("kubeserve_requests_total", of=f'{CLIENTS}, code=~"5.."')
    every = rate("kubeserve_requests_total", of=CLIENTS)
    return f"({failed} or 0 * {every}) / ({every} > 0)"


def watched(metric: str, *labels: str) -> str:
    """Return a metric of the watcher about models, with the labels that the models' own metrics have."""
    return (
        f"max by ({', '.join(('namespace', 'model_name', *labels))}) "
        f'(label_replace({metric}{{{WATCHED}}}, "namespace", "$1", "model_namespace", "(.*)"))'
    )


def of_process(metric: str) -> str:
    """Return a metric of the servers' processes, with their model's name and version."""
    return f"{metric} * on (job, instance) group_left (model_name, model_version) kubeserve_model_info{{{M}}}"


def make() -> dict[str, Any]:
    """Return the dashboard."""
    return dashboard(
        "kubeserve-models",
        "KubeServe / Models",
        "What the models answer, how fast, and where the time goes. Choose a model, or click one in the first table.",
        [
            choice("namespace", "Namespace", "label_values(kubeserve_model_info, namespace)"),
            choice("model", "Model", 'label_values(kubeserve_model_info{namespace=~"$namespace"}, model_name)'),
            choice(
                "version",
                "Version",
                'label_values(kubeserve_model_info{namespace=~"$namespace", model_name=~"$model"}, model_version)',
            ),
        ],
        [
            ("Overview", [_overview()]),
            ("Requests", _requests()),
            ("Latency", _latency()),
            ("Work", _work()),
            ("Pods", _pods()),
            ("Versions", [_versions()]),
        ],
    )


def _overview() -> dict[str, Any]:
    return table(
        "Models",
        "A click on a model's name shows it alone. The state is the watcher's, for the newest version.",
        {"namespace": "Namespace", "state": "State", "model_name": "Model"},
        [
            ("Requests per s", "reqps", rate("kubeserve_requests_total", of=CLIENTS)),
            ("Half are faster than", "s", quantile(0.5, "kubeserve_request_duration_seconds", of=CLIENTS)),
            ("99 of 100 are faster than", "s", quantile(0.99, "kubeserve_request_duration_seconds", of=CLIENTS)),
            ("Failing", "percentunit", failing()),
            ("Rejected per s", "reqps", rate("kubeserve_rejected_total")),
            ("Pods that answer", "none", watched("kubeserve_watcher_model_ready_pods")),
            ("Pods wanted", "none", watched("kubeserve_watcher_model_wanted_pods")),
        ],
        only=watched("kubeserve_watcher_model_state", "state"),
        link=(
            "/d/kubeserve-models?${datasource:queryparam}"
            "&var-namespace=${__data.fields.Namespace}&var-model=${__data.fields.Model}"
        ),
    )


def _requests() -> list[dict[str, Any]]:
    return [
        graph(
            "Answers by code",
            "200: a prediction. 4xx: the client's request is wrong. 5xx: the server or its load. Without probes.",
            "reqps",
            query(rate("kubeserve_requests_total", "code", of=CLIENTS), f"{MODEL} {{{{code}}}}"),
            stacked=True,
        ),
        graph(
            "Answers by endpoint",
            "Which protocol and path the clients use, with probes. `other` is every path that does not exist.",
            "reqps",
            query(rate("kubeserve_requests_total", "endpoint"), f"{MODEL} {{{{endpoint}}}}"),
            stacked=True,
        ),
        graph(
            "Failing",
            "The share of answers with a code of 500 or above. An alert fires above 5 %.",
            "percentunit",
            query(failing(), MODEL),
        ),
        graph(
            "Rejected, by reason",
            "Requests answered by 503 because of a limit. The README's troubleshooting has a remedy for each reason.",
            "reqps",
            query(rate("kubeserve_rejected_total", "reason"), f"{MODEL} {{{{reason}}}}"),
            stacked=True,
        ),
    ]


def _latency() -> list[dict[str, Any]]:
    duration = "kubeserve_request_duration_seconds"
    return [
        graph(
            "Time of a request",
            "From the request to its answer, in the server. The network to the client is not in it.",
            "s",
            query(quantile(0.5, duration, of=CLIENTS), f"{MODEL} half are faster than"),
            query(quantile(0.99, duration, of=CLIENTS), f"{MODEL} 99 of 100 are faster than"),
        ),
        graph(
            "Where the time goes",
            "The mean time of each phase. `wait` is the queue: more replicas help. `predict` is the model itself.",
            "s",
            query(mean("kubeserve_phase_seconds", "phase"), f"{MODEL} {{{{phase}}}}"),
            stacked=True,
        ),
        graph(
            "Slowest of each phase",
            "99 of 100 requests are faster than this in each phase.",
            "s",
            query(quantile(0.99, "kubeserve_phase_seconds", "phase"), f"{MODEL} {{{{phase}}}}"),
        ),
    ]


def _work() -> list[dict[str, Any]]:
    return [
        graph(
            "Predicted rows",
            "Rows per second. A request may have many rows.",
            "cps",
            query(rate("kubeserve_predictions_total"), MODEL),
        ),
        graph(
            "Rows of a call",
            "How many rows the model predicts at a time. More than one request's: the server batches them under load.",
            "none",
            query(mean("kubeserve_batch_rows"), f"{MODEL} mean"),
            query(quantile(0.99, "kubeserve_batch_rows"), f"{MODEL} 99 of 100 are smaller than"),
        ),
        graph(
            "Rows in the queue",
            "Rows that wait for the model. A queue that stays needs more replicas or CPU.",
            "none",
            query(f"sum by (namespace, model_name) (kubeserve_queue_rows{{{M}}})", MODEL),
        ),
        graph(
            "Requests without an answer yet",
            "Requests of short predictions are answered when they arrive, and not included.",
            "none",
            query(f"sum by (namespace, model_name) (kubeserve_requests_in_progress{{{M}}})", MODEL),
        ),
    ]


def _pods() -> list[dict[str, Any]]:
    return [
        graph(
            "Pods",
            "Pods that answer, and those wanted by the autoscaler or `deployment.replicas`. From the watcher.",
            "none",
            query(watched("kubeserve_watcher_model_ready_pods"), f"{MODEL} answer"),
            query(watched("kubeserve_watcher_model_wanted_pods"), f"{MODEL} wanted"),
        ),
        graph(
            "Pods by version",
            "Scraped pods of each version. Two versions at a time: a rollout.",
            "none",
            query(
                f"count by (namespace, model_name, model_version) (kubeserve_model_info{{{M}}})",
                f"{MODEL} {{{{model_version}}}}",
            ),
            stacked=True,
        ),
        graph(
            "Memory",
            "Memory of each pod's server. The pod is stopped at `deployment.resources.limits.memory`.",
            "bytes",
            query(of_process("process_resident_memory_bytes"), f"{MODEL} {{{{instance}}}}"),
        ),
        graph(
            "Processor",
            "Cores that each pod's server uses. The autoscaler adds pods by this.",
            "short",
            query(of_process("rate(process_cpu_seconds_total[$__rate_interval])"), f"{MODEL} {{{{instance}}}}"),
        ),
    ]


def _versions() -> dict[str, Any]:
    labels = ("namespace", "model_name", "model_version", "loaded", "library", "saved_by", "digest")
    headings = ("Namespace", "Model", "Version", "Loaded as", "Library", "Saved by", "Digest of the file")
    by = ", ".join(labels)
    load = f"kubeserve_model_load_seconds{{{M}}}"
    loaded = f"kubeserve_model_info{{{M}}} * on (job, instance, model_name, model_version) group_left () {load}"
    return table(
        "What is loaded",
        "`data`: nothing of the file was run. `code`: joblib ran what the file names. Both libraries should be equal.",
        dict(zip(labels, headings, strict=True)),
        [
            ("Pods", "none", f"count by ({by}) (kubeserve_model_info{{{M}}})"),
            ("Slowest load", "s", f"max by ({by}) ({loaded})"),
        ],
    )
