"""Ask a cluster: about the watcher's release, its rights, and the namespaces of models. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from watcher.client.contexts import Context
from watcher.client.doctor.facts import ClusterFacts, Found, NamespaceFacts, Place, Release, address_sections
from watcher.client.doctor.gathering import gathered, result_of
from watcher.client.doctor.rights import NEEDED_RIGHTS, ON_REQUEST, TELLING, Granted, Right, rule_of
from watcher.client.reach import SERVICE
from watcher.core.types import OWNER_LABEL, Manifest
from watcher.errors import Rejected, WatcherError
from watcher.runtimes.kubernetes.api import NOT_FOUND, Api, translated
from watcher.runtimes.kubernetes.kubeconfig import load

SECONDS = 5.0
"""Seconds for each piece of an answer."""
MOST = 20
"""Namespaces that are looked at."""
PODS_OF_MODELS = "app.kubernetes.io/name=model-serving"
WATCHERS = "app.kubernetes.io/component=watcher,app.kubernetes.io/part-of=kubeserve"
SERVICE_ACCOUNT = "system:serviceaccount:"
METRICS = "/apis/metrics.k8s.io/v1beta1"
REVIEWS = "/apis/authorization.k8s.io/v1"


def probe_cluster(place: Place, kubeconfig: str, namespaces: Iterable[str]) -> ClusterFacts:
    """Return what is known of the cluster; `namespaces` are those of the models that the watcher shows.

    Raises:
        Rejected: `NoCluster`, there is no kubeconfig.
        Retryable, Rejected: the API server does not answer, or does not accept the credentials.

    """
    api = Api(partial(load, kubeconfig), read_seconds=SECONDS)
    try:
        return _Probe(api, place).facts(namespaces)
    finally:
        api.close()


class _Probe:
    def __init__(self, api: Api, place: Place) -> None:
        self._api, self._place = api, place

    def facts(self, namespaces: Iterable[str]) -> ClusterFacts:
        self._get("/version", "asking the API server for its version")
        whole = gathered(
            {
                "user": self._own_name,
                "release": self._release,
                "metrics": lambda: self._is_there(METRICS),
                "nodes": partial(self._list, "/api/v1/nodes"),
                "daemons": lambda: [item["metadata"]["name"] for item in self._list("/apis/apps/v1/daemonsets")],
            }
        )
        user, release = _or(whole["user"], ""), self._place.pod or _or(whole["release"], None)
        reviewed, as_user = user, ""
        if release and not self._place.pod and user != release.user:
            reviewed = as_user = release.user
        serves_all = release is not None and not release.namespaces
        names = self._names(release, namespaces)
        parts = gathered(
            {
                **{name: partial(self._namespace, name, as_user) for name in names},
                **({"": partial(self._asked_one_by_one, "", as_user)} if serves_all else {}),
            }
        )
        return ClusterFacts(
            server=self._api.connection().server,
            user=reviewed,
            is_watcher=release is not None or user.startswith(SERVICE_ACCOUNT),
            release=release,
            metrics=whole["metrics"],
            nodes=whole["nodes"],
            daemons=whole["daemons"],
            namespaces={name: _namespace_or(parts[name]) for name in names},
            everywhere=parts.get(""),
        )

    def _names(self, release: Release | None, of_models: Iterable[str]) -> list[str]:
        served = release.namespaces if release else ()
        return [*dict.fromkeys(name for name in (*served, self._place.context.namespace, *of_models) if name)][:MOST]

    def _own_name(self) -> str:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        with translated("asking the API server who we are"):
            found = self._api.call("POST", path, body, none_if=NOT_FOUND) or {}
            return str(found["status"]["userInfo"]["username"]) if found else ""

    def _release(self) -> Release | None:
        """Return the watcher that follows the context's bucket, or the only one."""
        address = SERVICE.fullmatch(self._place.context.watcher)
        where = f"/namespaces/{address['namespace']}" if address else ""
        found = [_release_of(item) for item in self._list(f"/apis/apps/v1{where}/deployments", WATCHERS)]
        if address:
            found = [item for item in found if item.name == address["name"]]
        else:
            found = [item for item in found if _follows(item, self._place.context)]
        if len(found) != 1:
            return None
        (release,) = found
        selector = f"{WATCHERS},app.kubernetes.io/instance={release.name}"
        pods = result_of(partial(self._list, f"/api/v1/namespaces/{release.namespace}/pods", selector))
        values = result_of(partial(self._chart_values, release))
        return replace(release, pods=pods, addresses=address_sections(_or(values, b"")))

    def _chart_values(self, release: Release) -> bytes:
        """Return the values for models, which the chart puts into a ConfigMap with the release's name."""
        path = f"/api/v1/namespaces/{release.namespace}/configmaps/{release.name}"
        found = self._get(path, "reading the values for models") or {}
        return str((found.get("data") or {}).get("values.yaml") or "").encode()

    def _namespace(self, name: str, as_user: str) -> NamespaceFacts:
        tasks: dict[str, Callable[[], Any]] = {
            "namespace": partial(self._get, f"/api/v1/namespaces/{name}", f"reading the namespace {name}"),
            "deployments": partial(self._list, f"/apis/apps/v1/namespaces/{name}/deployments", OWNER_LABEL),
            "pods": partial(self._list, f"/api/v1/namespaces/{name}/pods", PODS_OF_MODELS),
            "autoscalers": partial(
                self._list, f"/apis/autoscaling/v2/namespaces/{name}/horizontalpodautoscalers", PODS_OF_MODELS
            ),
            "quotas": partial(self._list, f"/api/v1/namespaces/{name}/resourcequotas"),
            "granted": partial(self._granted, name, as_user),
        }
        return NamespaceFacts(**{field: result_of(task) for field, task in tasks.items()})

    def _granted(self, namespace: str, as_user: str) -> Granted:
        """Return the rules for a namespace: from one review, or by asking for each right where that is refused."""
        body = {"spec": {"namespace": namespace}}
        try:
            with translated(f"reviewing the rights in {namespace}"):
                status = (self._review("SelfSubjectRulesReview", body, as_user) or {})["status"]
        except Rejected:
            return self._asked_one_by_one(namespace, as_user)
        if status.get("incomplete"):  # an authorizer that cannot list its rules, as those of some clouds
            asked = self._asked_one_by_one(namespace, as_user)
            return Granted((*status["resourceRules"], *asked.rules), is_complete=False)
        return Granted(tuple(status["resourceRules"]))

    def _asked_one_by_one(self, namespace: str, as_user: str) -> Granted:
        granted = (right for right in (*NEEDED_RIGHTS, *ON_REQUEST, *TELLING) if self._may(namespace, as_user, right))
        return Granted(tuple(map(rule_of, granted)), is_complete=False)

    def _may(self, namespace: str, as_user: str, right: Right) -> bool:
        wanted = {"namespace": namespace, **dict(zip(("group", "resource", "verb"), right, strict=True))}
        wanted["resource"], _, wanted["subresource"] = wanted["resource"].partition("/")
        spec: dict[str, Any] = {"resourceAttributes": wanted}
        with translated(f"asking for the right to {right[2]} {right[1]}"):
            if not as_user:
                found = self._review("SelfSubjectAccessReview", {"spec": spec})
            else:
                spec |= {"user": as_user, "groups": _groups(as_user)}
                found = self._review("SubjectAccessReview", {"spec": spec})
            return bool((found or {})["status"]["allowed"])

    def _review(self, kind: str, body: Mapping[str, Any], as_user: str = "") -> Manifest | None:
        document = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, **body}
        return self._api.call("POST", f"{REVIEWS}/{kind.lower()}s", document, as_user=as_user)

    def _is_there(self, path: str) -> bool:
        with translated("asking for the metrics API"):
            return self._api.call("GET", path, none_if=NOT_FOUND) is not None

    def _get(self, path: str, doing: str) -> Manifest | None:
        with translated(doing):
            return self._api.call("GET", path, none_if=NOT_FOUND)

    def _list(self, path: str, selector: str = "") -> list[Manifest]:
        """Return the first page of objects: enough for a check."""
        query = {"limit": "500", **({"labelSelector": selector} if selector else {})}
        with translated(f"listing {path.rpartition('/')[2]}"):
            return list((self._api.call("GET", f"{path}?{urlencode(query)}") or {})["items"] or [])


def _release_of(deployment: Manifest) -> Release:
    meta, pod = deployment["metadata"], deployment["spec"]["template"]["spec"]
    variables = pod["containers"][0].get("env") or []
    environment = {item["name"]: item.get("value") or "" for item in variables if "valueFrom" not in item}
    return Release(meta["namespace"], meta["name"], pod.get("serviceAccountName") or "default", environment)


def _follows(release: Release, context: Context) -> bool:
    return release.environment.get("KUBESERVE_BUCKET") == context.bucket


def _groups(user: str) -> list[str]:
    """Return the groups of a service account, which the API server does not add to a question about somebody else."""
    namespace = user.split(":")[2]
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]


def _or(found: Found[Any], default: Any) -> Any:
    return default if isinstance(found, WatcherError) else found


def _namespace_or(found: Found[NamespaceFacts]) -> NamespaceFacts:
    if isinstance(found, WatcherError):
        return NamespaceFacts(found, found, found, found, found, found)
    return found
