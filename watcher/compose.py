"""The composition root: settings → adapters, reconciler, loop, and their orderly stop."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import structlog

from watcher import __version__, process_secrets, settings_values
from watcher.control.canaries import Canaries
from watcher.control.loaded_as import LoadedAs
from watcher.control.loop import Loop
from watcher.control.prometheus import Prometheus
from watcher.control.reconciler import Reconciler
from watcher.control.shutdown import StopSignals, stop_all
from watcher.control.source_health import SourceHealth, report_skew
from watcher.control.status_board import StatusBoard, utcnow
from watcher.control.status_files import StatusFiles
from watcher.control.traffic import ModelScrapes, TrafficCollector
from watcher.control.traffic_board import TrafficBoard
from watcher.core.naming import service_url
from watcher.core.types import ModelId
from watcher.metrics import Metrics
from watcher.runtimes.base import Runtime
from watcher.settings import Settings
from watcher.sources.base import Health, Hint, Reporter, Source
from watcher.sources.folder_watch import FolderWatch
from watcher.sources.listen_stream import ListenStream
from watcher.sources.webhook import Webhook
from watcher.stores.base import WritableBucket
from watcher.stores.client import OnSkew, StoreClient
from watcher.stores.folder import FolderBucket
from watcher.stores.s3_bucket import S3Bucket
from watcher.stores.signer import UrlSigner
from watcher.web import WebServer, address_of, create_app, open_socket

log = structlog.get_logger()

STOP_SECONDS = 4.8
"""Seconds. A stop takes at most 5 s, whatever hangs; the slowest part is a local server that must be killed."""


def run(settings: Settings) -> None:
    """Run the watcher until SIGTERM or SIGINT."""
    process_secrets.take()
    process_secrets.hide_memory()
    settings_values.check_all(settings)
    # Open the address first, so that a second watcher with the same settings fails here, before it does any harm.
    with open_socket(settings.listen) as sock:
        _run(settings, sock)


def _run(settings: Settings, sock: socket.socket) -> None:
    base = settings_values.chart_values(settings)
    board, sources, metrics = StatusBoard(), SourceHealth(), Metrics()
    loop: Loop  # assigned below: `on_change` needs it, and it needs the runtime
    bucket = _bucket(settings, lambda skew: report_skew(sources, skew))
    traffic_board, prometheus = TrafficBoard(), _prometheus(settings)
    runtime, watches = _runtime(settings, bucket, board, sources, on_change=lambda model: loop.refresh_model(model))
    reconciler = Reconciler(
        bucket,
        runtime,
        board,
        metrics,
        now=utcnow,
        max_delete_fraction=settings.max_delete_fraction,
        removal_delay=settings.removal_delay,
        namespaces=settings_values.namespaces(settings),
        base=base,
        ceilings=settings_values.ceilings(settings),
        data_only=settings_values.data_only(settings),
        canaries=Canaries(bucket, traffic_board, prometheus),
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
    reporter = Reporter(Webhook.name, loop.hint, sources, reconciler.deleted)
    webhook = Webhook(settings.webhook_token, settings.bucket, reporter)
    hinting = [webhook, *_other_sources(settings, loop.hint, sources, reconciler.deleted)]
    loaded_as, traffic = _models_watched(settings, board, traffic_board, prometheus)
    state_dir = str(Path(settings.state_dir).resolve()) if settings.runtime == "local" else ""
    about = {"runtime": settings.runtime, "bucket": bucket.name, "state_dir": state_dir}
    app = create_app(board, sources, metrics, webhook, loop, traffic=traffic_board, **about)
    web = WebServer(app, sock)
    status_files = StatusFiles(bucket, board, sources, __version__)
    stop_signals = StopSignals()
    log.info("watching", bucket=bucket.name, runtime=settings.runtime, status=f"http://{address_of(sock)}/status")
    web.start()
    for watch in watches:  # first, because the first survey waits for their lists
        watch.start()
    loop.start()
    loaded_as.start()
    if settings.traffic_interval:
        traffic.start()
    if settings.write_status:
        status_files.start()
    for source in hinting:
        source.start()
    try:
        stop_signals.wait()
    finally:
        source_stops = {source.name: source.stop for source in (*watches, *hinting)}
        # All stop at the same time. The loop's stop begins first, so that it does not report that the store is closed.
        others = {
            "web": web.stop,
            "loaded": loaded_as.stop,
            "traffic": traffic.stop,
            "files": status_files.stop,
            "store": bucket.close,
            "runtime": runtime.close,
        }
        stop_all(STOP_SECONDS, loop=loop.stop, **source_stops, **others)
        log.info("stopped")


def _models_watched(
    settings: Settings, board: StatusBoard, traffic_board: TrafficBoard, prometheus: Prometheus | None
) -> tuple[LoadedAs, TrafficCollector]:
    """Return what asks the models themselves: how they were loaded, and how many requests they get."""
    address = (lambda status: service_url(status.id)) if settings.runtime == "kubernetes" else None
    source = prometheus or ModelScrapes(address=address)
    return LoadedAs(board, address=address), TrafficCollector(board, traffic_board, source, settings.traffic_interval)


def _prometheus(settings: Settings) -> Prometheus | None:
    url = settings_values.prometheus_url(settings)
    return Prometheus(url) if url else None


def _bucket(settings: Settings, on_skew: OnSkew) -> WritableBucket:
    if folder := settings_values.folder(settings):
        return FolderBucket(folder)
    return S3Bucket(_client(settings, on_skew=on_skew), settings.bucket)


def _client(settings: Settings, keys: tuple[str, str] | None = None, on_skew: OnSkew = lambda _: None) -> StoreClient:
    endpoint, region = settings_values.endpoint(settings), settings_values.region_of(settings)
    return StoreClient(endpoint, region, keys=keys, on_skew=on_skew)


def _signer(settings: Settings, bucket: WritableBucket) -> UrlSigner:
    """Return what signs the URLs for pods. It takes the time from the bucket, which makes requests before it signs."""
    client = _client(settings, settings_values.pod_keys(settings))
    clock = bucket if isinstance(bucket, S3Bucket) else client
    return UrlSigner(client, settings.bucket, settings_values.pod_endpoint(settings), clock.signing_time)


def _runtime(
    settings: Settings, bucket: WritableBucket, board: StatusBoard, health: Health, on_change: Callable[[ModelId], None]
) -> tuple[Runtime, list[Source]]:
    """Return the runtime, and what follows the changes in it."""
    if settings.runtime == "local":
        return _local(settings, bucket, on_change), []
    # The Kubernetes client is slow to import, and only this runtime has it.
    from watcher.runtimes.kubernetes import api as kubernetes_api  # noqa: PLC0415
    from watcher.runtimes.kubernetes import events, marks, runtime  # noqa: PLC0415

    store = settings_values.pod_store(settings, settings.bucket)
    signer = _signer(settings, bucket)
    api = kubernetes_api.connect(settings.kubeconfig)
    owner = settings_values.owner(settings, settings.bucket)
    recorder = events.EventRecorder(api)
    board.on_change, board.on_seen = recorder.publish, recorder.publish_seen
    marks.Marker(api, owner, board.models).start()
    made = runtime.KubernetesRuntime(
        api,
        store,
        owner,
        signer,
        former_owner=settings_values.former_owner(settings),
        namespaces=settings_values.namespaces(settings),
        create_namespaces=settings.create_namespaces,
        labelled_namespaces=settings.labelled_namespaces,
        base=settings_values.chart_values(settings),
        network_policies=settings_values.network_policies(settings),
    )
    made.watch.subscribe(on_change, Reporter(made.watch.name, lambda _: None, health))
    return made, [made.watch]


def _local(settings: Settings, bucket: WritableBucket, on_change: Callable[[ModelId], None]) -> Runtime:
    from watcher.runtimes.local import LocalRuntime, cage  # noqa: PLC0415 - as in _runtime

    arguments: tuple[str, ...] = ()
    if settings.store == "s3":
        endpoint = settings_values.endpoint(settings)
        arguments = ("--endpoint", endpoint.host, "--secure" if endpoint.secure else "--no-secure")
    env = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    env |= process_secrets.store_keys()  # for the process that fetches
    base = settings_values.chart_values(settings)
    found = cage.find(settings.cage, settings_values.model_memory(settings))
    return LocalRuntime(Path(settings.state_dir), bucket.source, arguments, env, on_change, base=base, cage=found)


def _other_sources(settings: Settings, hint: Hint, health: Health, on_deleted: Hint) -> list[Source]:
    """Return the sources that give hints next to the webhook and the poll."""
    if folder := settings_values.folder(settings):
        return [FolderWatch(folder, Reporter(FolderWatch.source, hint, health, on_deleted))]
    if not settings.listen_stream:
        return []
    endpoint, region = settings_values.endpoint(settings), settings_values.region_of(settings)
    reporter = Reporter(ListenStream.source, hint, health, on_deleted)
    return [ListenStream(endpoint, region, settings.bucket, settings.listen_ping, reporter)]
