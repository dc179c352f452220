"""The commands that remedy what is wrong with the store. Where a secret is needed, the command asks for it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from watcher.client.doctor.facts import Facts, Place, Release, StoreFacts
from watcher.client.doctor.remedies import endpoint, helm, quoted, release_of, setting
from watcher.stores.endpoint import Endpoint

WEBHOOK_ARN = "arn:minio:sqs::KUBESERVE:webhook"
EVENTS = "--event put,delete"
MINIO = "# an administrator of the store, who is asked for the keys:"


def keys(place: Place, *, temporary: bool = False) -> str:
    """Return the commands that set other credentials."""
    token = " && read -rsp 'session token: ' AWS_SESSION_TOKEN" if temporary else ""
    ask = f"read -rp 'access key: ' AWS_ACCESS_KEY_ID && read -rsp 'secret key: ' AWS_SECRET_ACCESS_KEY{token}"
    if place.pod:
        return f"{ask}\n{_secret(place.pod, 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')}"
    names = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY" + (" AWS_SESSION_TOKEN" if temporary else "")
    export = f"{ask}\nexport {names}"
    if place.context.access_key_id:
        return f"{export}\nkubeserve context set {quoted(place.context.name)} --keys-from-env"
    return export


def pod_keys(place: Place) -> str:
    """Return the commands that give the watcher keys that last, to sign the URLs by which pods fetch models."""
    assert place.pod
    names = ("KUBESERVE_POD_AWS_ACCESS_KEY_ID", "KUBESERVE_POD_AWS_SECRET_ACCESS_KEY")
    return f"read -rp 'access key: ' {names[0]} && read -rsp 'secret key: ' {names[1]}\n{_secret(place.pod, *names)}"


def _secret(release: Release, *names: str) -> str:
    data = ",".join(f'"{name}":"\'"${name}"\'"' for name in names)
    where = f"-n {quoted(release.namespace)}"
    patch = f"kubectl patch secret {quoted(release.name + '-s3')} {where} -p '{{\"stringData\":{{{data}}}}}'"
    return f"{patch}\nkubectl rollout restart deployment/{quoted(release.name)} {where}"


def certificate(place: Place, store: Endpoint, what: str) -> str:
    """Return the commands that make a certificate trusted, or that show what is wrong with it."""
    host = store.host if re.search(r":\d+$", store.host) else f"{store.host}:443"
    show = f"openssl s_client -connect {host} -showcerts </dev/null 2>/dev/null"
    if what == "expired":
        return f"{show} | openssl x509 -noout -subject -dates   # renew it at the store"
    if what == "other host":
        names = f"{show} | openssl x509 -noout -ext subjectAltName   # use one of these names:"
        return f"{names}\n{endpoint(place, 'https://NAME:PORT')}"
    found = f"{show} | sed -n '/BEGIN CERT/,/END CERT/p' > store-ca.pem"
    found += "\nopenssl x509 -in store-ca.pem -noout -subject -fingerprint   # compare it before you trust it"
    if what == "unknown authority":
        found = "# ask the store's administrator for the certificate of its authority, here store-ca.pem:"
    if place.pod:
        return f"{found}\n{helm(place.pod)} --set-file s3.ca=store-ca.pem"
    return f'{found}\nexport AWS_CA_BUNDLE="$PWD/store-ca.pem"'


def is_aws(store: StoreFacts) -> bool:
    """Return whether the store is Amazon's."""
    return bool(re.search(r"\.amazonaws\.com(\.cn)?(:\d+)?$", store.endpoint.host))


def alias(store: StoreFacts) -> str:
    """Return the command that lets `mc` reach the store."""
    return f"{MINIO}\nmc alias set store {store.endpoint.url}"


def make_bucket(store: StoreFacts, place: Place) -> str:
    """Return the command that creates the bucket, and the one that names another."""
    other = setting(place, "bucket", "NAME")
    if is_aws(store):
        return f"aws s3 mb s3://{store.bucket} --region {place.context.s3_region}\n{other}   # or use another"
    return f"{alias(store)}\nmc mb store/{store.bucket}\n{other}   # or use another"


def policy(store: StoreFacts, actions: Iterable[str]) -> str:
    """Return the commands that allow more to the access key. Actions on objects need another resource."""
    bucket, objects = f"arn:aws:s3:::{store.bucket}", f"arn:aws:s3:::{store.bucket}/*"
    of_objects = [action for action in actions if "Object" in action]
    if "s3:PutObject" in of_objects:
        of_objects.append("s3:DeleteObject")
    of_bucket = [action for action in actions if "Object" not in action]
    parts = [(of_bucket, bucket), (of_objects, objects)]
    statements = [{"Effect": "Allow", "Action": given, "Resource": [where]} for given, where in parts if given]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    file = f"cat > kubeserve-more.json <<'END'\n{document}\nEND"
    if is_aws(store):
        command = "aws iam put-user-policy --user-name NAME --policy-name kubeserve-more --policy-document file://kubeserve-more.json"
        return f"{file}\n{command}"
    create = "mc admin policy create store kubeserve-more kubeserve-more.json"
    attach = f"mc admin policy attach store kubeserve-more --user {quoted(store.access_key)}"
    return f"{alias(store)}\n{file}\n{create}\n{attach}"


def webhook(store: StoreFacts, facts: Facts) -> str:
    """Return the commands that make the store notify the watcher."""
    return f"{webhook_target(store, facts)}\n{_rule(store)}"


def webhook_target(store: StoreFacts, facts: Facts) -> str:
    """Return the commands that tell the store where the watcher is."""
    release, name = release_of(facts), "KUBESERVE_WEBHOOK_TOKEN"
    if release:
        where = f"kubectl get secret {release.name}-webhook -n {release.namespace}"
        token = f"{name}=$({where} -o jsonpath='{{.data.{name}}}' | base64 -d)"
        url = f"http://{release.name}.{release.namespace}/events"
    else:
        token = f"read -rsp 'the watcher was started with {name}: ' {name}"
        url = f"{facts.place.watcher}/events"
    target = f'mc admin config set store notify_webhook:KUBESERVE endpoint={url} auth_token="${name}"'
    return f"{alias(store)}\n{token}\n{target}\nmc admin service restart store --json"


def webhook_rule(store: StoreFacts, target: str = WEBHOOK_ARN) -> str:
    """Return the commands that add the bucket's rule."""
    return f"{alias(store)}\n{_rule(store, target)}"


def _rule(store: StoreFacts, target: str = WEBHOOK_ARN) -> str:
    return f"mc event add store/{store.bucket} {target} {EVENTS}"


def webhook_token(facts: Facts) -> str:
    """Return the commands that give the watcher a token."""
    if release := release_of(facts):
        return f'{helm(release)} --set webhook.token="$(openssl rand -hex 16)"'
    make = "export KUBESERVE_WEBHOOK_TOKEN=$(openssl rand -hex 16)"
    return f"{make}   # then restart the watcher, and give the store the same token"
