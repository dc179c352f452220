"""The commands that remedy what is wrong with the watcher or the cluster. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from watcher.client.doctor.facts import ClusterFacts, Facts
from watcher.client.doctor.remedies import helm, quoted, release_of, setting
from watcher.client.doctor.rights import Right, rule_of


def watcher(facts: Facts) -> str:
    """Return the commands that show why a watcher does not answer, or that start one."""
    context = facts.place.context
    if release := release_of(facts):
        where = f"-n {release.namespace}"
        look = f"kubectl get pods {where} -l app.kubernetes.io/instance={release.name}"
        look += f"\nkubectl logs deployment/{release.name} {where}"
        if facts.place.pod or context.watcher.startswith("service://"):
            return look
        return f"{look}\n{setting(facts.place, 'watcher', f'service://{release.namespace}/{release.name}')}"
    if context.store.startswith("folder:"):
        return f"kubeserve run --runtime local --store {quoted(context.store)}"
    start = f"kubeserve run --s3-endpoint {quoted(facts.place.s3_endpoint)} --bucket {quoted(context.bucket)}"
    return f"{start}   # or name the one that runs:\n{setting(facts.place, 'watcher', 'service://NAMESPACE/NAME')}"


def watcher_log(facts: Facts) -> str:
    """Return the command that shows the watcher's log, or its status."""
    if release := release_of(facts):
        return f"kubectl logs deployment/{release.name} -n {release.namespace}"
    return f"curl -s {facts.place.watcher}/status"


def role(namespace: str, user: str, rights: Sequence[Right]) -> str:
    """Return the command that grants rights, in one namespace or, if that is empty, in all."""
    kind, where = ("Role", {"namespace": namespace}) if namespace else ("ClusterRole", {})
    meta, group = {"name": "kubeserve-more", **where}, "rbac.authorization.k8s.io"
    rules = {(right[0], right[1]): [other[2] for other in rights if other[:2] == right[:2]] for right in rights}
    grouped = [{**rule_of((*key, "")), "verbs": verbs} for key, verbs in rules.items()]
    parts = user.split(":")
    subject = (
        {"kind": "ServiceAccount", "namespace": parts[2], "name": parts[3]}
        if user.startswith("system:serviceaccount:")
        else {"kind": "User", "apiGroup": group, "name": user}
    )
    api, reference = f"{group}/v1", {"apiGroup": group, "kind": kind, "name": "kubeserve-more"}
    documents = [
        {"apiVersion": api, "kind": kind, "metadata": meta, "rules": grouped},
        {"apiVersion": api, "kind": f"{kind}Binding", "metadata": meta, "roleRef": reference, "subjects": [subject]},
    ]
    text = "\n---\n".join(json.dumps(document) for document in documents)
    return f"kubectl apply -f - <<'END'\n{text}\nEND"


def bindings(user: str) -> str:
    """Return the command that shows which bindings grant something to a user."""
    name = user.rpartition(":")[2]
    found = f"kubectl get rolebindings,clusterrolebindings -A -o wide | grep -w {quoted(name)}"
    return f"{found}   # remove those that KubeServe's chart did not create"


def image(cluster: ClusterFacts, image: str) -> str:
    """Return the commands that push our image to a registry of the user's, and make the watcher use it."""
    build = ".venv/bin/python -m dev.images --registry REGISTRY/kubeserve --tag TAG"
    push = "for image in kubeserve-base kubeserve-watcher; do podman push REGISTRY/kubeserve/$image:TAG; done"
    if not cluster.release:
        return f"{build}\n{push}" if "kubeserve" in image else f"podman pull {image}"
    is_watcher = "kubeserve-watcher" in image
    values = "image" if is_watcher else "modelValues.deployment.image"
    name = "kubeserve-watcher" if is_watcher else "kubeserve-base"
    use = f"{helm(cluster.release)} --set {values}.repository=REGISTRY/kubeserve/{name} --set {values}.tag=TAG"
    return f"{build}\n{push}\n{use}"
