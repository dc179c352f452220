"""Compare the objects of `helm template` with those of the watcher, field by field."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
import yaml

from watcher.core.chart import defaults, merge
from watcher.core.naming import model_problem
from watcher.core.plain_yaml import load_map
from watcher.core.render import render_values
from watcher.core.types import ModelId
from watcher.errors import Rejected

from .helm import CHARTS, Helm

MODEL = ModelId("user-1", "my-model")
REQUIRED = {"model": {"s3Path": "s3://kubeserve-models/user-1/my-model/v1/model.joblib"}}

OF_THE_MANAGER = {
    "labels": ("app.kubernetes.io/managed-by", "helm.sh/chart", "kubeserve.io/owner"),
    "annotations": ("kubeserve.io/fingerprint", "kubeserve.io/release"),
}
"""The only keys that may differ, and only in the metadata of the object itself; that of the release in pods too."""

EXAMPLE = """
model:
  s3Path: "s3://kubeserve-models/user-1/fraud-detector/v1/model.joblib"
  s3Endpoint: "minio:9000"
  s3AccessKey: "minioadmin"
  s3SecretKey: "minioadmin"

deployment:
  replicas: 2
  resources:
    requests:
      cpu: "200m"
      memory: "512Mi"
    limits:
      cpu: "2"
      memory: "2Gi"

autoscaling:
  enabled: true
  minReplicas: 1
  maxReplicas: 10
  targetCPUUtilizationPercentage: 70
"""

VALUE_SETS = {
    "the defaults": "{}",
    "the example of the documentation": EXAMPLE,
    "no autoscaler": "{autoscaling: {enabled: false}, deployment: {replicas: 3}}",
    "no replicas": "{autoscaling: {enabled: false}, deployment: {replicas: 0}}",
    "many replicas": "{autoscaling: {maxReplicas: 1000, minReplicas: 1000}}",
    "whole numbers with a fraction": "{autoscaling: {maxReplicas: 4.0}, deployment: {resources: {limits: {cpu: 2.0}}}}",
    "not scaled by memory": "{autoscaling: {targetMemoryUtilizationPercentage: null}}",
    "scaled by nothing": "autoscaling: {targetCPUUtilizationPercentage: null, targetMemoryUtilizationPercentage: null}",
    "cpu as a number": "{deployment: {resources: {requests: {cpu: 0.25}, limits: {cpu: 2}}}}",
    "cpu as a large number": "{deployment: {resources: {limits: {cpu: 1000000}}}}",
    "cpu as a word": "{deployment: {resources: {requests: {cpu: 1500m}, limits: {cpu: '2'}}}}",
    "memory as bytes": "{deployment: {resources: {limits: {memory: '1073741824'}}}}",
    "no limit of cpu": "{deployment: {resources: {limits: {cpu: null}}}}",
    "no limits": "{deployment: {resources: {limits: null}}}",
    "no requests and empty limits": "{deployment: {resources: {requests: null, limits: {cpu: null, memory: null}}}}",
    "no limit of what has no default": "{deployment: {resources: {limits: {ephemeral-storage: null}}}}",
    "disk": "{deployment: {resources: {requests: {ephemeral-storage: 1Gi}, limits: {ephemeral-storage: 20Gi}}}}",
    "limits of the volumes": "{deployment: {volumeLimits: {model: 5Gi, packages: 3Gi, tmp: '1000000000'}}}",
    "packages with hashes alone": "{download: {requirements: hashed}}",
    "no packages": "{download: {requirements: 'off'}, model: {requirementsEtag: e}}",
    "signed URLs and requirements": """
      model: {signedFiles: '{}', requirementsEtag: e}
      deployment: {volumeLimits: {packages: 3Gi}}
      download: {pipIndexUrl: 'https://pypi.example/a', pipCA: PEM, httpsProxy: 'http://proxy.example'}""",
    "a limit of one volume": "{deployment: {volumeLimits: {model: null, tmp: 1.5G}}}",
    "an own image": "{deployment: {image: {repository: 'registry.example:5000/a/b', tag: '1.10', pullPolicy: Always}}}",
    "a digest": "{deployment: {image: {repository: 'r.example/a@sha256', tag: 'e3b0c44298fc1c149afbf4c8996fb924'}}}",
    "settings of the server": "server: {deadline: 0.25, batchRows: 1, bodyMemory: 134217728, direct: false}",
    "all settings of the server": "server: {maxBodySize: 8192, queueRows: 2, inline: 3.0, threads: 0, drift: true}",
    "words as settings of the server": "server: {extraColumns: ignore, load: data}",
    "no settings of the server": "server: {deadline: null, threads: null}",
    "an image for the download": "{download: {image: 'registry.example/mc:1'}}",
    "proxies": "{download: {httpProxy: 'http://a:3128', httpsProxy: 'https://[::1]:80', noProxy: 'minio,.local'}}",
    "an index": "{download: {pipIndexUrl: 'https://user:pass@pypi.example/simple', pipCA: 'PEM'}}",
    "two authorities": "{model: {s3CA: 'ONE'}, download: {pipCA: 'TWO'}}",
    "one proxy": "{download: {httpsProxy: 'http://proxy.example'}}",
    "signed URLs": """{model: {signedFiles: '{"model.joblib":{"etag":"e","key":"a/b/v1/möd <&>.joblib"}}'}}""",
    "signed URLs and a private authority": "{model: {signedFiles: '{}', s3CA: ONE}, download: {pipCA: TWO}}",
    "signed URLs and an index": "{model: {signedFiles: '{}'}, download: {pipIndexUrl: 'https://pypi.example/a'}}",
    "TLS": "{model: {s3UseSSL: true, s3Endpoint: 's3.eu-central-1.amazonaws.com'}}",
    "a private authority": '{model: {s3UseSSL: true, s3CA: "-----BEGIN CERTIFICATE-----\\nMIIB\\n"}}',
    "a version with a plus": "{model: {version: 1.0.0+build.7, etag: 9a0364b9e99bb480dd25e1f0284c8555-3}}",
    "a version that looks like a date": "{model: {version: '2026-01-31'}}",
    "a version that looks like a number": "{model: {version: '1.10'}}",
    "a version that looks like true": "{model: {version: 'true', name: 'yes'}}",
    "a name of its own and requirements": "{model: {name: iris, version: v1, etag: e1, requirementsEtag: e2}}",
    "an example of the input": "{model: {inputFiles: {input-example.json: e3}}}",
    "every file about the input, with any bytes": "{model: {inputFiles: {MLmodel: '', input_example.json: '1e3',"
    ' input-example.json: "a<&>%="}}}',
    "words like numbers": "{model: {name: '1e3', etag: '0x1F', requirementsEtag: 'null', s3Endpoint: '1:30'}}",
    "marks": """{model: {name: "a'b\\"c", etag: '"quoted"', s3Endpoint: '# & * ! | > % @ ` {{ x }} ${y}'}}""",
    "unicode": "{model: {name: 'Größe 模型 🌺', s3Path: 's3://b/user-1/m/v1/möd <&>.joblib', s3SecretKey: 'ключ'}}",
    "lines and spaces": '{model: {s3SecretKey: "one\\ntwo\\n", name: " a\\n b\\n\\n", s3AccessKey: "\\ttab  "}}',
    "empty credentials": "{model: {s3AccessKey: '', s3SecretKey: '', s3Bucket: ''}}",
    "the largest numbers": "{server: {bodyMemory: 9007199254740991, threads: 1024}, deployment: {replicas: 1000}}",
    "an address of an Ingress": "{ingress: {enabled: true, host: models.example.com}}",
    "an address of each model": """
      ingress: {enabled: true, className: nginx, host: '{model}.{namespace}.example.com', path: /,
        tls: {enabled: true, secretName: '{model}-tls'}, annotations: {a/b: '/{namespace}-{model}/{other}', c: d}}""",
    "an address by a regular expression": """
      ingress: {enabled: true, host: m.example.com, pathSuffix: '(/|$)(.*)', pathType: ImplementationSpecific,
        tls: {enabled: true}, annotations: {kubeserve.io/version: mine}}""",
    "a route": "{httpRoute: {enabled: true, parentRefs: [{name: public}]}}",
    "a route of a host": """
      httpRoute: {enabled: true, scheme: https, hostnames: ['*.example.com', 'm.example.com', b.example],
        parentRefs: [{name: a, namespace: gateways, sectionName: https, port: 443.0, kind: Gateway}, {name: b}]}""",
    "a route of each model": """
      httpRoute: {enabled: true, hostnames: ['{model}.{namespace}.example.com'], path: /,
        parentRefs: [{name: public}]}""",
    "an address in two ways": """
      ingress: {enabled: true, host: a.example}
      httpRoute: {enabled: true, parentRefs: [{name: b}]}""",
    "a placeholder as a value": "{model: {name: '${replicas}', etag: '${no.such.value}'}}",
}

REFUSED = {
    "fewer at most than at least": "{autoscaling: {minReplicas: 7, maxReplicas: 3}}",
    "no replicas at all": "{autoscaling: {minReplicas: 0}}",
    "a fraction of a replica": "{deployment: {replicas: 1.5}}",
    "a number as a word": "{autoscaling: {maxReplicas: '3'}}",
    "a setting that a pod's server has to have": "{server: {port: 1}}",
    "a setting of another type": "{server: {drift: 'no'}}",
    "a setting of another word": "{server: {extraColumns: keep}}",
    "another way to load": "{server: {load: joblib}}",
    "a setting below its least": "{server: {batchRows: 0}}",
    "a deadline above an hour": "{server: {deadline: 3600.5}}",
    "no section for the server": "{server: null}",
    "an index that is no URL": "{download: {pipIndexUrl: 'pypi.example'}}",
    "a proxy that is no URL": "{download: {httpProxy: 'proxy.example:3128'}}",
    "a misspelt key": "{deployment: {imagee: {}}}",
    "an unknown section": "{resources: {}}",
    "nothing where something must be": "{autoscaling: {minReplicas: null}}",
    "no image": "{deployment: {image: null}}",
    "memory as a number": "{deployment: {resources: {limits: {memory: 1024}}}}",
    "cpu that is none": "{deployment: {resources: {limits: {cpu: much}}}}",
    "a limit of an unknown volume": "{deployment: {volumeLimits: {ca: 1Gi}}}",
    "memory and a newline": '{deployment: {resources: {limits: {memory: "1Gi\\n"}}}}',
    "cpu and a newline": '{deployment: {resources: {limits: {cpu: "2\\n"}}}}',
    "a version and a newline": '{model: {version: "v1\\n"}}',
    "a path and a newline": '{model: {s3Path: "s3://b/k\\n"}}',
    "another policy for requirements": "{download: {requirements: 'on'}}",
    "a policy that YAML reads as false": "{download: {requirements: off}}",
    "a proxy and a newline": '{download: {httpProxy: "http://a:1\\n"}}',
    "a proxy of two lines": '{download: {httpProxy: "http://a:1\\nb"}}',
    "an index with a space": '{download: {pipIndexUrl: "http://a:1/\\u00a0"}}',
    "an unknown file about the input": "{model: {inputFiles: {model.py: e}}}",
    "an ETag with a space": "{model: {inputFiles: {MLmodel: 'a b'}}}",
    "memory of too many digits": "{deployment: {resources: {limits: {memory: '9999999999999999'}}}}",
    "more cpu than there is": "{deployment: {resources: {limits: {cpu: 1.0e+300}}}}",
    "more bytes than JSON can count": "{server: {bodyMemory: 9007199254740992}}",
    "more replicas than JSON can count": "{deployment: {replicas: 1.0e+300}}",
    "an Ingress without a host": "{ingress: {enabled: true}}",
    "a route without a gateway": "{httpRoute: {enabled: true}}",
    "a path of an Ingress that ends in a slash": "{ingress: {path: '/{model}/'}}",
    "a path of a route without a slash": "{httpRoute: {path: '{model}'}}",
    "an annotation that is no text": "{ingress: {annotations: {a: 1}}}",
    "an annotation that is null": "{ingress: {annotations: {a: null}}}",
    "a host of capitals": "{ingress: {host: Models.example.com}}",
    "a gateway without a name": "{httpRoute: {parentRefs: [{namespace: a}]}}",
    "a version that is no label": "{model: {version: a b}}",
    "a model that is elsewhere": "{model: {s3Path: 'http://example/model.joblib'}}",
}

POOL: dict[str, tuple[Any, ...]] = {
    "model.s3Endpoint": ("minio:9000", "s3.amazonaws.com", "[::1]:9000", "true"),
    "model.s3AccessKey": ("", "key", "1e3", "multi\nline"),
    "model.s3SecretKey": ("secret", " spaces ", "ünïcode", "yes", "~"),
    "model.s3UseSSL": (True, False),
    "model.s3CA": ("", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
    "model.name": ("", "iris", "no", "007", "- a", "a: b", "\n"),
    "model.version": ("", "v10", "1.0.0+a.b+c", "2026-01-31", "1e3", "0o17", "off"),
    "model.etag": ("", "d41d8cd98f00b204e9800998ecf8427e", "1234567890123456", "null"),
    "model.requirementsEtag": ("", "e-2"),
    "model.inputFiles": ({}, {"input-example.json": "e-3"}, {"MLmodel": "", "input_example.json": "e"}),
    "model.signedFiles": ("", '{"model.joblib":{"etag":"e","key":"k"}}'),
    "deployment.replicas": (0, 1, 999),
    "deployment.image.repository": ("localhost:5001/kubeserve-base", "r"),
    "deployment.image.tag": ("latest", "1.10", "0"),
    "deployment.image.pullPolicy": ("Always", "Never"),
    "deployment.resources.requests": (None, {"cpu": 0.1}, {"cpu": "100m", "memory": None}, {}),
    "deployment.resources.limits": (
        None,
        {"cpu": 12, "memory": "1.5Gi", "ephemeral-storage": "3G"},
        {"cpu": None, "ephemeral-storage": None},
    ),
    "deployment.volumeLimits": ({}, {"model": "5Gi"}, {"model": "1.5G", "packages": "64Mi"}, {"tmp": None}),
    "deployment.runtimeClassName": ("", "gvisor"),
    "deployment.hostUsers": (True, False),
    "server": ({}, {"deadline": 1.5, "bodyMemory": 1 << 30}, {"drift": False, "threads": None}),
    "download.image": ("", "mc:1"),
    "download.requirements": ("allow", "hashed", "off"),
    "download.httpProxy": ("", "http://proxy.example:3128"),
    "download.httpsProxy": ("", "http://[fd00::1]:3128"),
    "download.pipIndexUrl": ("", "https://pypi.example/simple"),
    "download.pipCA": ("", "PEM\n"),
    "download.noProxy": ("", "10.0.0.0/8,.svc"),
    "ingress.enabled": (True, False),
    "ingress.className": ("", "nginx"),
    "ingress.host": ("m.example.com", "{model}.{namespace}.example.com"),
    "ingress.path": ("/", "/{namespace}/{model}", "/a/{model}.b"),
    "ingress.pathSuffix": ("", "(/|$)(.*)"),
    "ingress.pathType": ("Prefix", "ImplementationSpecific"),
    "ingress.annotations": ({}, {"a.example/b": "/{namespace}/{model}", "kubeserve.io/etag": "x"}),
    "ingress.tls.enabled": (True, False),
    "ingress.tls.secretName": ("", "{model}-tls"),
    "httpRoute.enabled": (True, False),
    "httpRoute.parentRefs": ([{"name": "public"}], [{"name": "a", "port": 80, "namespace": "b"}, {"name": "c"}]),
    "httpRoute.hostnames": ([], ["{model}.example.com"], ["*.example.com", "a.example.com"]),
    "httpRoute.path": ("/", "/{namespace}/{model}"),
    "httpRoute.scheme": ("http", "https"),
    "autoscaling.enabled": (True, False),
    "autoscaling.maxReplicas": (1, 100, 1000, 3.0),
    "autoscaling.targetCPUUtilizationPercentage": (None, 1, 1000),
    "autoscaling.targetMemoryUtilizationPercentage": (None, 80),
}


def test_pool_contains_every_value_of_the_chart() -> None:
    assert {*POOL, "model.s3Path", "model.s3Bucket", "autoscaling.minReplicas"} == set(paths(defaults()))


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
def test_objects_are_equal_in_helm_and_the_watcher(helm: Helm, values: str) -> None:
    assert from_helm(helm, values) == from_the_watcher(values)


TEXTS = [
    "server: {inline: 1e-05, deadline: 1.5e+1, threads: 1E1}",
    "server: {inline: 0.0000012, deadline: 1.25e-7}",
    "server: {inline: 2.5e-10}",
    "server: {inline: .5, deadline: 5., batchRows: +5}",
    "autoscaling: {enabled: no}\nserver: {drift: yes, direct: off, fastPath: True}",
    "server: {deadline: ~, drift: }\ndeployment: {resources: {limits: null}}",
    "download: {noProxy: 'yes', image: \"1e3\"}",
    "# a comment\n---\ndownload:\n  pipCA: |\n    one\n    two\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_of_values_means_the_same_to_helm_and_the_watcher(helm: Helm, text: str) -> None:
    whole = f"{text}\nmodel: {json.dumps(REQUIRED['model'])}\n"
    theirs = helm.template(MODEL.name, "model-serving", MODEL.namespace, whole)
    assert comparable(theirs) == comparable(render_values(merge(defaults(), load_map(whole.encode())), MODEL, "owner"))


DEADLINES = (0, 0.0, 0.25, 1, 1e0, 9.999, 10, 19, 19.5, 20, 20.0, 20.000001, 20.5, 21, 29.99, 30, 59.4, 60, 1e2, 120.0)
DEADLINES += (299.5, 300, 1234.567, 3599, 3599.001, 3600, 3600.0)


@pytest.mark.parametrize("deadline", DEADLINES, ids=repr)
def test_grace_period_is_equal_in_helm_and_the_watcher_for_any_deadline(helm: Helm, deadline: float) -> None:
    values = json.dumps({"server": {"deadline": deadline}})
    deployment = from_helm(helm, values)["Deployment"]
    assert deployment == from_the_watcher(values)["Deployment"]
    grace = json.loads(deployment)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace == max(30, math.ceil(deadline) + 10)


@pytest.mark.parametrize("seed", range(60))
def test_objects_of_random_values_are_equal_in_helm_and_the_watcher(helm: Helm, seed: int) -> None:
    values = json.dumps(mixture(random.Random(seed)), ensure_ascii=False)
    assert from_helm(helm, values) == from_the_watcher(values)


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED.keys())
def test_invalid_values_are_rejected_by_helm_and_the_watcher(helm: Helm, values: str) -> None:
    helm.run("template", "my-model", str(CHARTS / "model-serving"), values=with_path(values), fails=True)
    with pytest.raises(Rejected):
        from_the_watcher(values)


def test_labels_that_may_differ_have_the_documented_values(helm: Helm) -> None:
    theirs = helm.template("my-model", "model-serving", MODEL.namespace, with_path("{}"))
    ours = render_values(complete("{}"), MODEL, "owner")
    for label, helms, watchers in (
        ("app.kubernetes.io/managed-by", "Helm", "kubeserve"),
        ("helm.sh/chart", "model-serving-0.1.0", None),
        ("kubeserve.io/owner", None, "owner"),
    ):
        assert {item["metadata"]["labels"].get(label) for item in theirs} == {helms}
        assert {item["metadata"]["labels"].get(label) for item in ours} == {watchers}
    assert all("kubeserve.io/fingerprint" not in item["metadata"]["annotations"] for item in theirs)


def test_helm_without_a_model_path_fails_with_one_sentence(helm: Helm) -> None:
    error = helm.run("template", "my-model", str(CHARTS / "model-serving"), fails=True)
    assert "model.s3Path is required: --set model.s3Path=s3://BUCKET/NAMESPACE/MODEL/VERSION/model.joblib" in error


@pytest.mark.parametrize("name", ["a" * 49, "a" * 50, "a.b", "1st", "a-1"])
def test_helm_accepts_the_same_names_as_the_watcher(helm: Helm, name: str) -> None:
    chart = str(CHARTS / "model-serving")
    helm.run("template", name, chart, values=with_path("{}"), fails=bool(model_problem(name)))


def test_helm_with_an_unknown_placeholder_fails(helm: Helm, tmp_path: Any) -> None:
    copy = tmp_path / "model-serving"
    for file in (CHARTS / "model-serving").rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(CHARTS / "model-serving")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.read_text().replace("${downloadImage}", "${no.such.value}"))
    error = helm.run("template", "my-model", str(copy), values=with_path("{}"), fails=True)
    assert "unknown placeholder ${no.such.value} in the chart's objects" in error


@pytest.mark.parametrize("chart", [path.name for path in CHARTS.iterdir()])
def test_charts_pass_helm_lint(helm: Helm, chart: str, tmp_path: Any) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHARTS / chart))
    helm.run("package", str(CHARTS / chart), "-d", str(tmp_path))
    helm.run("lint", "--strict", str(next(tmp_path.glob("*.tgz"))))


def with_path(values: str) -> str:
    """Return the values with the one that is required."""
    return json.dumps(merge(REQUIRED, yaml.safe_load(values)), ensure_ascii=False)


def complete(values: str) -> dict[str, Any]:
    return merge(defaults(), yaml.safe_load(with_path(values)))


def from_helm(helm: Helm, values: str) -> dict[str, str]:
    return comparable(helm.template(MODEL.name, "model-serving", MODEL.namespace, with_path(values)))


def from_the_watcher(values: str) -> dict[str, str]:
    return comparable(render_values(complete(values), MODEL, "owner"))


def comparable(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Return the object of each kind as sorted JSON, in which 1, 1.0, "1" and true all differ."""
    found = {}
    for item in objects:
        for field, names in OF_THE_MANAGER.items():
            for name in names:
                item["metadata"][field].pop(name, None)
        if item["kind"] == "Deployment":
            item["spec"]["template"]["metadata"]["annotations"].pop("kubeserve.io/release", None)
        assert item["kind"] not in found
        found[item["kind"]] = json.dumps(item, sort_keys=True, indent=1, ensure_ascii=False)
    return found


def mixture(pick: random.Random) -> dict[str, Any]:
    """Return some of the values, each chosen from its pool."""
    # What is enabled needs these; both are drawn anew below.
    mixed: dict[str, Any] = {"ingress": {"host": "a"}, "httpRoute": {"parentRefs": [{"name": "a"}]}}
    for path in pick.sample(list(POOL), pick.randint(3, len(POOL))):
        layer: Any = pick.choice(POOL[path])
        for name in reversed(path.split(".")):
            layer = {name: layer}
        mixed = merge(mixed, layer)
    return mixed


def paths(values: dict[str, Any], above: str = "") -> list[str]:
    """Return the dotted paths of all values; an empty map and a map of amounts are one value."""
    found = []
    for name, value in values.items():
        path = f"{above}{name}"
        whole = path.startswith(("deployment.resources.", "deployment.volumeLimits"))
        leaf = not isinstance(value, dict) or not value or whole
        found += [path] if leaf else paths(value, f"{path}.")
    return found
