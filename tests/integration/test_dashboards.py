"""The dashboards and alerts name only what real programs export, and the real promtool accepts all of it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sklearn.linear_model import LogisticRegression

from tests.promql import CHART, RULES, alerts, dashboards, expressions, named, recorded, rules

from .driving import Watcher, dumped, eventually
from .helm import Helm
from .promtool import Promtool

ROOT = Path(__file__).parents[2]
TARGET = {"namespace", "pod", "job", "instance"}
"""The labels that Prometheus gives to each target: by the operator, or by manifests/prometheus.yaml."""

OTHERS = {
    "kube_horizontalpodautoscaler_status_condition": {"namespace", "horizontalpodautoscaler", "condition", "status"}
}
"""Metrics of other programs with their labels: this one is kube-state-metrics'."""

HINTS = {'kubeserve_feature_sum non-histogram and non-summary metrics should not have "_sum" suffix'}
"""What promtool advises against, and stays: a sum that may fall is no counter, and it belongs to `…_values_total`."""

INSTALLED = {"s3": {"endpoint": "e", "existingSecret": "s"}, "watch": {"namespaces": ["a"]}}

Labels = Mapping[str, set[str]]
"""The labels of each sample's name."""


class Exported:
    """What a real watcher and a real server export after some work."""

    def __init__(self, watcher: str, server: str) -> None:
        self.texts = {"watcher": watcher, "server": server}
        self.series: list[str] = []
        self.labels: defaultdict[str, set[str]] = defaultdict(set)
        self.endpoints: set[str] = set()
        for program, text in self.texts.items():
            target = dict.fromkeys(sorted(TARGET), program)
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    self.labels[sample.name] |= set(sample.labels)
                    pairs = (f"{label}={json.dumps(value)}" for label, value in (target | sample.labels).items())
                    self.series.append(f"{sample.name}{{{', '.join(pairs)}}}")
                    self.endpoints.add(sample.labels.get("endpoint", ""))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("exported")
    models, bucket = folder / "bucket" / "team", f"folder:{folder / 'bucket'}"
    upload(models / "iris" / "v1" / "model.joblib", dumped(LogisticRegression().fit([[0, 1], [1, 0]], ["no", "yes"])))
    upload(models / "gone" / "v1" / "model.joblib", dumped(LogisticRegression().fit([[0], [1]], [0, 1])))
    upload(models / "broken" / "v1" / "model.joblib", b"no model")
    upload(models / "broken" / "values.yaml", b"autoscaling: {maxReplicas: many}")
    with Watcher(folder / "log", "--runtime", "local", "--store", bucket, "--state-dir", str(folder)) as watcher:
        for name, state in (("iris", "Ready"), ("gone", "Ready"), ("broken", "Rejected")):
            eventually(lambda name=name, state=state: watcher.state(name) == state)  # type: ignore[misc]
        (models / "gone" / "v1" / "model.joblib").unlink()
        eventually(lambda: watcher.state("gone") is None)
        server = watcher.model("iris")["url"]
        for path in ("/predict", "/v1/models/iris:predict"):
            sent = json.dumps({"data": [[0.0, 1.0]], "instances": [[0.0, 1.0]]})
            assert urllib3.request("POST", f"{server}{path}", body=sent).status in {200, 400}
        for path in ("/health", "/ping", "/v2/health/ready", "/metrics"):
            assert urllib3.request("GET", f"{server}{path}").status == 200
        yield Exported(watcher.get("/metrics").data.decode(), urllib3.request("GET", f"{server}/metrics").data.decode())


def upload(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def every_expression() -> list[tuple[str, str]]:
    """Return each query of the dashboards and each rule, with a name for messages."""
    shown = [
        (f"{file}: {title}", expression)
        for file, dashboard in dashboards().items()
        for title, expression in expressions(dashboard)
    ]
    return [*shown, *((rule.get("alert") or rule["record"], rule["expr"]) for rule in rules())]


EXPRESSIONS = every_expression()


def unknown(expression: str, labels: Labels) -> set[str]:
    """Return the metrics and labels of an expression that do not exist."""
    found = named(expression)
    metrics = found.metrics - labels.keys()
    matched = {
        f"{metric}{{{label}}}" for metric, label in found.matched if label not in TARGET.union(labels.get(metric, ()))
    }
    possible = TARGET.union(*(labels.get(metric, ()) for metric in found.metrics))
    if re.search(r"kubeserve:", expression):  # what is recorded has the labels by which it is summed
        possible = possible.union(*(named(rule["expr"]).grouped for rule in rules() if "record" in rule))
    return metrics | matched | (found.grouped - possible)


def test_dashboards_and_alerts_name_only_metrics_and_labels_that_are_exported(exported: Exported) -> None:
    labels = exported.labels | OTHERS
    assert {name: missing for name, text in EXPRESSIONS if (missing := unknown(text, labels))} == {}


@pytest.mark.parametrize(
    "expression",
    [
        "sum(kubeserve_request_total)",
        'kubeserve_queue_lines{model_name="iris"}',
        "kubeserve_requests_total{status='200'}",
        'sum by (model) (kubeserve_requests_total{code="200"})',
        "kubeserve_phase_seconds",
    ],
)
def test_unknown_finds_a_slip_in_a_metric_a_matcher_and_a_group(exported: Exported, expression: str) -> None:
    assert unknown(expression, exported.labels)


def test_probes_that_are_left_out_are_exported_endpoints(exported: Exported) -> None:
    left_out = {text for _, expression in EXPRESSIONS for text in re.findall(r'endpoint!~"([^"]*)"', expression)}
    assert len(left_out) == 1
    for pattern in next(iter(left_out)).split("|"):
        assert any(re.fullmatch(pattern, endpoint) for endpoint in exported.endpoints), pattern


@pytest.mark.parametrize("program", ["watcher", "server"])
def test_check_metrics_accepts_what_is_exported(exported: Exported, promtool: Promtool, program: str) -> None:
    _, hints = promtool.run("check", "metrics", given=exported.texts[program])
    assert set(hints.splitlines()) == (HINTS if program == "server" else set())


def test_check_rules_accepts_the_rules(promtool: Promtool) -> None:
    code, output = promtool.run("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert code == 0, output


def test_check_rules_accepts_every_query_of_the_dashboards(promtool: Promtool) -> None:
    made = [{"record": f"query:{index}", "expr": text} for index, (_, text) in enumerate(EXPRESSIONS)]
    code, output = promtool.run("check", "rules", given=json.dumps({"groups": [{"name": "all", "rules": made}]}))
    assert code == 0, output


def test_every_query_of_the_dashboards_has_an_answer(exported: Exported, promtool: Promtool, tmp_path: Path) -> None:
    # Each exported series grows, the missing values least: some are not missing. All tests expect nothing, so promtool
    # names those that have an answer.
    asked = {expression: name for name, expression in EXPRESSIONS if ".json: " in name}
    series = [{"series": each, "values": f"1+{1 if '_missing_' in each else 2}x150"} for each in exported.series]
    checks = [{"expr": expression, "eval_time": "150m"} for expression in asked]
    file = tmp_path / "queries.test.yaml"
    file.write_text(json.dumps({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": checks}]}))
    _, output = promtool.run("test", "rules", str(file))
    assert "error" not in output.lower(), output
    answered = set(re.findall(r'expr: "(.*)", time: ', output))
    assert {asked[expression] for expression in asked if json.dumps(expression)[1:-1] not in answered} == set()


def test_alerts_fire_and_stay_silent_as_their_tests_say(promtool: Promtool) -> None:
    files = sorted((ROOT / "tests" / "alerts").glob("*.test.yaml"))
    code, output = promtool.run("test", "rules", *map(str, files))
    assert (len(files), code) == (3, 0), output


def test_check_config_accepts_the_scrape_configuration(promtool: Promtool) -> None:
    code, output = promtool.run("check", "config", "--syntax-only", str(ROOT / "manifests" / "prometheus.yaml"))
    assert code == 0, output


def installed(helm: Helm, **values: Any) -> list[dict[str, Any]]:
    return helm.template("watch", "kubeserve", "home", json.dumps(INSTALLED | values))


def test_chart_installs_dashboards_and_alerts_only_if_asked(helm: Helm) -> None:
    kinds = {(item["kind"], item["metadata"]["name"]) for item in installed(helm)}
    assert {
        kind for kind, name in kinds if kind == "PrometheusRule" or "dashboard" in name or "alerts" in name
    } == set()


def test_chart_installs_the_dashboards_for_the_sidecar(helm: Helm) -> None:
    wanted = {"enabled": True, "namespace": "grafana", "annotations": {"grafana_folder": "KubeServe"}}
    maps = [item for item in installed(helm, dashboards=wanted) if "dashboard" in item["metadata"]["name"]]
    assert {name: json.loads(text) for item in maps for name, text in item["data"].items()} == {
        f"kubeserve-{name}": dashboard for name, dashboard in dashboards().items()
    }
    for item in maps:
        assert item["metadata"]["namespace"] == "grafana"
        assert item["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert item["metadata"]["annotations"] == {"grafana_folder": "KubeServe"}


def test_chart_installs_the_rules_as_they_are(helm: Helm, promtool: Promtool) -> None:
    objects = installed(helm, alerts={"enabled": True, "configMap": True, "labels": {"release": "prometheus"}})
    (rule,) = (item for item in objects if item["kind"] == "PrometheusRule")
    (file,) = (item for item in objects if item["metadata"]["name"] == "watch-alerts")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    text = file["data"]["kubeserve.rules.yaml"]
    assert rule["spec"] == yaml.safe_load(text) == yaml.safe_load(RULES.read_text())
    code, output = promtool.run("check", "rules", given=text)
    assert code == 0, output


def test_chart_leaves_out_disabled_alerts_and_links_to_the_operators_documents(helm: Helm) -> None:
    wanted = {"enabled": True, "disabled": ["KubeServeLatencyHigh"], "documentation": "https://wiki.example/ops"}
    (rule,) = (item for item in installed(helm, alerts=wanted) if item["kind"] == "PrometheusRule")
    kept = [each for group in rule["spec"]["groups"] for each in group["rules"]]
    links = {each["alert"]: each["annotations"]["runbook_url"] for each in kept if "alert" in each}
    names = [alert["alert"] for alert in alerts() if alert["alert"] != "KubeServeLatencyHigh"]
    assert links == {name: f"https://wiki.example/ops#{name.lower()}" for name in names}
    assert {each["record"] for each in kept if "record" in each} == recorded()


def test_chart_refuses_to_disable_an_alert_that_does_not_exist(helm: Helm) -> None:
    values = json.dumps(INSTALLED | {"alerts": {"enabled": True, "disabled": ["KubeServeSlow"]}})
    assert "there is no alert KubeServeSlow" in helm.run("template", "watch", str(CHART), values=values, fails=True)
