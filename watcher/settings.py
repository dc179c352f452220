"""Every setting of the watcher, once: its name, type, default and meaning.

The command line turns each field into a flag (`--poll-interval`) and an environment variable
(`KUBESERVE_POLL_INTERVAL`); the README's table is checked against this file. S3 credentials are not settings:
the SDK's own providers read them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, shared files, instance roles).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def setting(default: Any, doc: str, **extra: Any) -> Any:
    """Declare a dataclass field with its documentation and what the command line needs to know of it."""
    return field(default=default, metadata={"doc": doc, **extra})


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of `kubeserve run`; times are in seconds."""

    runtime: str = setting(
        "kubernetes", "Where models run: a cluster, or processes on this machine.", choices=("kubernetes", "local")
    )
    store: str = setting("s3", "`s3`, or `folder:PATH` to take a folder as the bucket (local runtime only).")
    s3_endpoint: str = setting(
        "localhost:9000", "The store as `host:port` or URL.", env=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    )
    bucket: str = setting("kubeserve-models", "The bucket that holds the models.")
    s3_secure: bool = setting(False, "Use TLS to the store; a URL's scheme decides by itself.")
    s3_region: str = setting("us-east-1", "The bucket's region.", env=("AWS_REGION", "AWS_DEFAULT_REGION"))
    pod_s3_endpoint: str = setting("", "The store as the pods reach it, where that differs from `--s3-endpoint`.")
    pod_aws_access_key_id: str = setting(
        "", "What pods fetch models with, read-only; empty: the watcher's own credentials.", secret=True
    )
    pod_aws_secret_access_key: str = setting("", "The secret key that belongs to it.", secret=True)
    kubeconfig: str = setting(
        "", "Path of a kubeconfig; default: in-cluster, else the usual kubeconfig.", env=("KUBECONFIG",)
    )
    namespaces: str = setting("", "Comma-separated namespaces to serve; empty: all but `kube-*`.")
    create_namespaces: bool = setting(False, "Create a model's namespace where it is missing.")
    owner: str = setting("", "Marks this watcher's objects; default: the bucket's name. One watcher per owner.")
    chart_values: str = setting("", "A file of chart values for every model (image, resources, …).")
    max_delete_fraction: float = setting(
        0.5,
        "The largest share of all models that may be removed at once (one always may); more is held and reported. "
        "1 confirms a large removal.",
        minimum=0.0,
        maximum=1.0,
    )
    removal_delay: float = setting(
        10.0,
        "Time between a model's disappearance from the bucket and its removal, in seconds. Tools that replace a file "
        "often delete it first; an upload within this time continues the service without a gap.",
        minimum=0.0,
    )
    poll_interval: float = setting(
        5.0, "Between full listings: the floor under every event source; stretched when a listing is slow.", minimum=0.1
    )
    resync_interval: float = setting(
        600.0, "Between passes that write every object again, which undoes manual drift.", minimum=1.0
    )
    listen_stream: bool = setting(True, "Follow MinIO's ListenBucketNotification stream.")
    listen_ping: int = setting(
        10, "Keep-alive period asked of the listen stream; silent for three of them, it is not live.", minimum=1
    )
    webhook_token: str = setting(
        "", "Bearer token of bucket notifications on `POST /events`; empty: refused.", secret=True
    )
    workers: int = setting(4, "Models handled at the same time.", minimum=1)
    listen: str = setting("127.0.0.1:8080", "Address of `/status`, `/metrics`, `/healthz`, `/readyz`, `/events`.")
    state_dir: str = setting(".kubeserve/local", "Where the local runtime keeps downloaded models and logs.")
    log_level: str = setting("info", "Least severe log lines shown.", choices=("debug", "info", "warning", "error"))

    @property
    def namespace_list(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.namespaces.split(",") if name.strip())
