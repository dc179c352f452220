"""The composition root: settings → adapters, reconciler, loop, and their orderly stop."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import structlog
import yaml

from watcher.control.loop import Loop
from watcher.control.reconciler import Reconciler
from watcher.control.shutdown import stop_all
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard, utcnow
from watcher.core.catalog import read_listing
from watcher.core.chart import check, defaults, merge
from watcher.core.naming import parse_key
from watcher.core.render import render
from watcher.core.types import Manifest, ModelId, Release, Store, StoredObject
from watcher.core.user_values import SIZE_LIMIT, model_values, overrides_of
from watcher.errors import Rejected
from watcher.metrics import Metrics
from watcher.runtimes.base import Runtime
from watcher.settings import Settings
from watcher.sources.base import Health, Hint, Reporter, Source
from watcher.sources.folder_watch import FolderWatch
from watcher.sources.listen_stream import ListenStream
from watcher.sources.webhook import Webhook
from watcher.stores import client as s3
from watcher.stores import folder
from watcher.stores.base import Bucket
from watcher.stores.s3_bucket import S3Bucket
from watcher.web import WebServer, create_app, open_socket

log = structlog.get_logger()

STOP_SECONDS = 4.8
"""Seconds. A stop takes at most 5 s, whatever hangs; the slowest part is a local server that must be killed."""


def run(settings: Settings) -> None:
    """Run the watcher until SIGTERM or SIGINT."""
    # The address first: a second watcher of the same settings ends here, and harms nothing.
    with open_socket(settings.listen) as sock:
        _run(settings, sock)


def _run(settings: Settings, sock: socket.socket) -> None:
    base = _chart_values(settings)
    board, sources, metrics = StatusBoard(), SourceHealth(), Metrics()
    loop: Loop
    bucket = _bucket(settings)
    runtime = _runtime(settings, bucket, board, on_change=lambda model: loop.requeue(model))
    reconciler = Reconciler(
        bucket,
        runtime,
        board,
        metrics,
        now=utcnow,
        max_delete_fraction=settings.max_delete_fraction,
        removal_delay=settings.removal_delay,
        namespaces=settings.namespace_list,
        base=base,
    )
    loop = Loop(
        reconciler,
        board,
        sources,
        metrics,
        poll_interval=settings.poll_interval,
        resync_interval=settings.resync_interval,
        workers=settings.workers,
    )
    webhook = Webhook(settings.webhook_token, settings.bucket, Reporter(Webhook.name, loop.hint, sources))
    hinting = [webhook, *_other_sources(settings, loop.hint, sources)]
    web = WebServer(create_app(board, sources, metrics, webhook, loop), sock)
    # A signal's handler may only use what is reentrant, which an Event is not.
    stop_requests: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stop_requests.put(received))
    log.info("watching", bucket=bucket.name, runtime=settings.runtime, status=f"http://{settings.listen}/status")
    web.start()
    loop.start()
    for source in hinting:
        source.start()
    try:
        stop_requests.get()
    finally:
        hints = {source.name: source.stop for source in hinting}
        stop_all(STOP_SECONDS, **hints, web=web.stop, runtime=runtime.close, loop=loop.stop)
        log.info("stopped")


def render_one(settings: Settings, source: str, files: Iterable[bytes], assignments: Iterable[str]) -> list[Manifest]:
    """The objects that would be applied for `s3://BUCKET/KEY`.

    Raises:
        Rejected: the source or a value is malformed, or there is no such model in the bucket.

    """
    name, _, key = source.removeprefix("s3://").partition("/")
    if not source.startswith("s3://") or not key:
        raise Rejected("Malformed", f"{source}: expected s3://BUCKET/{{namespace}}/{{model}}/{{version}}/model.joblib")
    model, version, _ = parse_key(key)
    bucket = S3Bucket(_endpoint(settings).client(), name)
    release = _release_of(bucket, model, version, source)
    layers = [*(_yaml(text, "-f") for text in files), *map(_assignment, assignments)]
    base = merge(_chart_values(settings), release.overrides, *layers)
    store = _pod_store(settings, name)
    manifests = render(Release(release.version), store, settings.owner or name, base)
    # In the order in which `kubectl apply` should make them: no pod then waits for its Secret.
    return sorted(manifests, key=lambda manifest: manifest["kind"] != "Secret")


def _release_of(bucket: Bucket, model: ModelId, version: str, source: str) -> Release:
    entry = read_listing(bucket.list(model.prefix)).entries.get(model)
    found = next((item for item in entry.versions if item.version == version), None) if entry else None
    if entry is None or found is None:
        raise Rejected("NotFound", f"{source}: there is no such model in the bucket")
    if found.artifact.size == 0:
        raise Rejected("EmptyFile", f"{source} is empty: upload it again")

    def read(file: StoredObject) -> bytes:
        return bucket.read(file.key, SIZE_LIMIT)

    return Release(found, overrides_of(found, model_values(entry, read), read, defaults()))


def _bucket(settings: Settings) -> Bucket:
    if settings.store == "s3":
        return S3Bucket(_endpoint(settings).client(), settings.bucket)
    if settings.runtime != "local":
        raise Rejected("Malformed", "a folder as the bucket needs --runtime local: pods cannot reach it")
    return folder.FolderBucket(_folder(settings))


def _endpoint(settings: Settings) -> s3.Endpoint:
    return s3.Endpoint.of(settings.s3_endpoint, secure=settings.s3_secure, region=settings.s3_region)


def _folder(settings: Settings) -> Path:
    kind, _, path = settings.store.partition(":")
    if kind != "folder" or not path:
        raise Rejected("Malformed", f"--store {settings.store}: expected s3 or folder:PATH")
    return Path(path)


def _runtime(settings: Settings, bucket: Bucket, board: StatusBoard, on_change: Any) -> Runtime:
    if settings.runtime == "local":
        return _local(settings, bucket, on_change)
    # The Kubernetes client is slow to import, and only this runtime has it.
    from watcher.runtimes.kubernetes import api as kubernetes_api  # noqa: PLC0415
    from watcher.runtimes.kubernetes import events, runtime  # noqa: PLC0415

    api = kubernetes_api.connect(settings.kubeconfig)
    board.on_change = events.EventRecorder(api).publish
    return runtime.KubernetesRuntime(
        api,
        _pod_store(settings, settings.bucket),
        settings.owner or settings.bucket,
        namespaces=settings.namespace_list,
        create_namespaces=settings.create_namespaces,
        base=_chart_values(settings),
    )


def _local(settings: Settings, bucket: Any, on_change: Any) -> Runtime:
    from watcher.runtimes.local import LocalRuntime  # noqa: PLC0415 - as in _runtime

    arguments: tuple[str, ...] = ()
    if settings.store == "s3":
        host, secure = s3.split_endpoint(settings.s3_endpoint, settings.s3_secure)
        arguments = ("--endpoint", host, "--secure" if secure else "--no-secure")
    aws = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    return LocalRuntime(Path(settings.state_dir), bucket.source, arguments, aws, on_change)


def _pod_store(settings: Settings, bucket: str) -> Store:
    host, secure = s3.split_endpoint(settings.pod_s3_endpoint or settings.s3_endpoint, settings.s3_secure)
    keys = settings.pod_aws_access_key_id, settings.pod_aws_secret_access_key
    if any(keys) != all(keys):
        raise Rejected("Malformed", "KUBESERVE_POD_AWS_ACCESS_KEY_ID and KUBESERVE_POD_AWS_SECRET_ACCESS_KEY: set both")
    return Store(bucket, host, secure, *(keys if all(keys) else s3.own_keys()))


def _other_sources(settings: Settings, hint: Hint, health: Health) -> list[Source]:
    """Return the sources that give hints next to the webhook and the poll."""
    if settings.store != "s3":
        return [FolderWatch(_folder(settings), Reporter("folder", hint, health))]
    if settings.listen_stream:
        reporter = Reporter("listen", hint, health)
        return [ListenStream(_endpoint(settings), settings.bucket, settings.listen_ping, reporter)]
    return []


def _chart_values(settings: Settings) -> dict[str, Any]:
    """The operator's values for every model, checked here: a slip in them is no user's fault."""
    if not settings.chart_values:
        return {}
    name = f"--chart-values {settings.chart_values}"
    try:
        values = _yaml(Path(settings.chart_values).read_bytes(), name)
        check(merge(defaults(), values))
    except OSError as error:
        raise Rejected("Malformed", f"{name}: {error.strerror}") from error
    except Rejected as error:
        raise Rejected(error.reason, f"{name}: {str(error).removeprefix(f'{name}: ')}") from error
    return values


def _yaml(text: bytes, name: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise Rejected("InvalidValues", f"{name}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise Rejected("InvalidValues", f"{name}: expected a map of chart values")
    return values


def _assignment(text: str) -> dict[str, Any]:
    """`a.b=c` → {"a": {"b": c}}, the value read as YAML."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise Rejected("Malformed", f"--set {text}: expected a.b=c")
    try:
        result: Any = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise Rejected("Malformed", f"--set {text}: the value is not YAML") from error
    for name in reversed(path.split(".")):
        result = {name: result}
    return dict(result)
