"""The dashboard of the watcher: is everything served, and does the watcher keep up."""

from __future__ import annotations

from typing import Any

from dev.dashboards.layout import choice, dashboard, graph, number, query, states, table

W = 'job=~"$watcher"'


def quantiles(metric: str) -> list[dict[str, Any]]:
    """Return the queries for the median and the 99th percentile of a histogram of the watcher."""
    return [
        query(f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket{{{W}}}[$__rate_interval])))", legend)
        for q, legend in ((0.5, "half are faster than"), (0.99, "99 of 100 are faster than"))
    ]


def by(label: str, metric: str) -> dict[str, Any]:
    """Return the query for the increase of a counter during each step of the graph."""
    return query(f"sum by ({label}) (increase({metric}{{{W}}}[$__rate_interval]))", f"{{{{{label}}}}}")


def make() -> dict[str, Any]:
    """Return the dashboard."""
    return dashboard(
        "kubeserve-watcher",
        "KubeServe / Watcher",
        "The watcher makes the cluster follow the bucket. Is every model served, and does the watcher keep up?",
        [choice("watcher", "Watcher", "label_values(kubeserve_watcher_queue_depth, job)")],
        [
            ("Now", _now()),
            ("Models that are not ready", _unready()),
            ("Uploads", _uploads()),
            ("Surveys", _surveys()),
            ("Changes of the cluster", _objects()),
            ("The process", _process()),
        ],
    )


def _now() -> list[dict[str, Any]]:
    return [
        number(
            "Models by state",
            "`Ready` is what you want. `Failed` and `Rejected` need a person; `kubeserve status` says why.",
            "none",
            query(f"sum by (state) (kubeserve_watcher_models{{{W}}})", "{{state}}"),
        ),
        number(
            "Refused keys",
            "Files in the bucket that resemble a model's, and that cannot be served: a wrong name or a wrong depth.",
            "none",
            query(f"sum(kubeserve_watcher_refused_keys{{{W}}})", "refused"),
            red_above=1,
        ),
        number(
            "Models in the work queue",
            "Models that wait for the watcher, retries included. It returns to 0 within seconds.",
            "none",
            query(f"sum(kubeserve_watcher_queue_depth{{{W}}})", "waiting"),
            red_above=50,
        ),
        states(
            "Sources",
            "How the watcher learns of uploads. `poll` must be live: it reads the bucket. The others make it faster.",
            {0: ("not live", "red"), 1: ("live", "green")},
            query(f"max by (source) (kubeserve_watcher_source_up{{{W}}})", "{{source}}"),
        ),
    ]


def _unready() -> list[dict[str, Any]]:
    labels = ("model_namespace", "model_name", "model_version", "state")
    state = f'kubeserve_watcher_model_state{{{W}, state!="Ready"}}'
    return [
        table(
            "Not ready",
            "Each model that does not serve its newest version. An older version may be serving: see the pods.",
            dict(zip(labels, ("Namespace", "Model", "Version", "State"), strict=True)),
            only=f"max by ({', '.join(labels)}) ({state})",
        ),
        graph(
            "Pods that answer, of those wanted",
            "The share of each model's pods that answer, of the ten lowest. 0 % means no predictions for its clients.",
            "percentunit",
            query(
                f"bottomk(10, max by (model_namespace, model_name) (kubeserve_watcher_model_ready_pods{{{W}}}) / "
                f"(max by (model_namespace, model_name) (kubeserve_watcher_model_wanted_pods{{{W}}}) > 0))",
                "{{model_namespace}}/{{model_name}}",
            ),
        ),
    ]


def _uploads() -> list[dict[str, Any]]:
    return [
        graph(
            "Upload until written",
            "From an upload until the objects of its version are written to the cluster.",
            "s",
            *quantiles("kubeserve_watcher_upload_to_applied_seconds"),
        ),
        graph(
            "Upload until ready",
            "From an upload until its version answers: the download, the packages and the loading are in it.",
            "s",
            *quantiles("kubeserve_watcher_upload_to_ready_seconds"),
        ),
        graph(
            "Hints",
            "Hints that each source gave. A source that gives none while files are uploaded is not connected.",
            "none",
            query(
                f"sum by (source) (clamp_min(delta(kubeserve_watcher_source_hints{{{W}}}[$__rate_interval]), 0))",
                "{{source}}",
            ),
        ),
    ]


def _surveys() -> list[dict[str, Any]]:
    return [
        graph(
            "Surveys",
            "Complete listings of the bucket and the cluster. `error` says that one of them does not answer.",
            "none",
            by("result", "kubeserve_watcher_passes_total"),
            stacked=True,
        ),
        graph(
            "Duration of a survey",
            "It grows with the number of models. A survey takes at most a tenth of the time: see Sizing.",
            "s",
            *quantiles("kubeserve_watcher_pass_duration_seconds"),
        ),
        graph(
            "Failed attempts",
            "Attempts to reconcile a model that failed, by reason. They are repeated.",
            "none",
            by("reason", "kubeserve_watcher_failures_total"),
            stacked=True,
        ),
    ]


def _objects() -> list[dict[str, Any]]:
    return [
        graph(
            "Objects written",
            "By kind. Without uploads and upgrades it is 0: the watcher writes only what differs.",
            "none",
            by("kind", "kubeserve_watcher_applied_total"),
            stacked=True,
        ),
        graph(
            "Objects deleted",
            "By kind. Models whose last version has left the bucket are removed.",
            "none",
            by("kind", "kubeserve_watcher_deleted_total"),
            stacked=True,
        ),
    ]


def _process() -> list[dict[str, Any]]:
    return [
        graph(
            "Memory",
            "Memory of the watcher's process. The chart's limit is 512 MiB.",
            "bytes",
            query(f"process_resident_memory_bytes{{{W}}}", "{{namespace}}/{{job}}"),
        ),
        graph(
            "Processor",
            "Cores that the watcher's process uses.",
            "short",
            query(f"rate(process_cpu_seconds_total{{{W}}}[$__rate_interval])", "{{namespace}}/{{job}}"),
        ),
    ]
