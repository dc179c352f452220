"""Every setting of the watcher, once: its name, type, default and meaning.

The command line turns each field into a flag (`--poll-interval`) and an environment variable
(`KUBESERVE_POLL_INTERVAL`), and a secret into two variables: `KUBESERVE_WEBHOOK_TOKEN`, or
`KUBESERVE_WEBHOOK_TOKEN_FILE` with the path of a file. The table in docs/reference.md is checked against this file. S3
credentials are no settings: the SDK's own providers read them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, shared
files, roles).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DAY = 86_400.0


def setting(default: Any, doc: str, **extra: Any) -> Any:
    """Declare a dataclass field with its documentation and what the command line needs for it.

    One that is a `secret` has no flag, which every user of the machine could read, and is not shown.
    """
    return field(default=default, repr=not extra.get("secret"), metadata={"doc": doc, **extra})


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of `kubeserve run`; times are in seconds."""

    runtime: str = setting(
        "kubernetes",
        "Where models run: in a cluster, or as processes on this machine.",
        choices=("kubernetes", "local"),
    )
    store: str = setting("s3", "`s3`, or `folder:PATH` to use a folder as the bucket (local runtime only).")
    s3_endpoint: str = setting(
        "localhost:9000",
        "The store as `host:port` or URL, without a path.",
        env=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    )
    bucket: str = setting("kubeserve-models", "The bucket that holds the models.")
    s3_secure: bool = setting(False, "Use TLS to the store. The scheme of a URL overrides it.")
    s3_region: str = setting("us-east-1", "The bucket's region.", env=("AWS_REGION", "AWS_DEFAULT_REGION"))
    pod_s3_endpoint: str = setting("", "The store's address for the pods, if it differs from `--s3-endpoint`.")
    pod_aws_access_key_id: str = setting(
        "",
        "Access key that signs the URLs by which pods fetch models; it needs to read only. Empty: the watcher's own "
        "credentials.",
        secret=True,
    )
    pod_aws_secret_access_key: str = setting("", "Secret key of that access key.", secret=True)
    kubeconfig: str = setting(
        "", "Path of a kubeconfig. Empty: the in-cluster configuration, else the usual kubeconfig.", env=("KUBECONFIG",)
    )
    namespaces: str = setting("", "Comma-separated namespaces to serve. Empty: all except `kube-*`.")
    create_namespaces: bool = setting(False, "Create the namespace of a model if it does not exist.")
    labelled_namespaces: bool = setting(
        False,
        'Serve models only in namespaces with the label `kubeserve.io/models: "true"`; needs the right to get '
        "namespaces.",
    )
    network_policies: str = setting(
        "",
        "File of NetworkPolicies (JSON) to write into each namespace before its first model. The chart makes it; with "
        "`watch.namespaces` it makes the policies themselves.",
    )
    owner: str = setting(
        "",
        "Label that marks this watcher's objects; each watcher needs its own. Empty: the bucket's name and a digest of "
        "the store's address.",
    )
    chart_values: str = setting("", "File of chart values for every model (image, resources, …).")
    ceilings: str = setting(
        "",
        "Largest values that the values.yaml of a user may set, such as `replicas=20,memory=8Gi`; docs/operations.md "
        "lists the names. Empty: no ceilings.",
    )
    data_only: str = setting(
        "",
        "Comma-separated namespaces whose models are loaded as data only (their servers' `--load data`), so that no "
        "uploaded file can run code; `*`: all namespaces. A `values.yaml` cannot loosen it.",
    )
    max_delete_fraction: float = setting(
        0.5,
        "Largest share of all models that may be removed at once; a single model always may. A larger removal is put "
        "on hold and reported; 1 confirms it.",
        minimum=0.0,
        maximum=1.0,
    )
    removal_delay: float = setting(
        10.0,
        "Time between a model's disappearance from the bucket and its removal, in seconds. Tools that replace a file "
        "often delete it first; an upload within this time continues the service without a gap.",
        minimum=0.0,
        maximum=DAY,
    )
    poll_interval: float = setting(
        5.0,
        "Time between full listings, which find what no event source reported. Longer if a listing is slow.",
        minimum=0.1,
        maximum=DAY,
    )
    resync_interval: float = setting(
        600.0,
        "Time between passes that write every object again. Edits and deletions by hand are reverted within seconds.",
        minimum=1.0,
        maximum=30 * DAY,
    )
    listen_stream: bool = setting(True, "Follow MinIO's ListenBucketNotification stream.")
    listen_ping: int = setting(
        4,
        "Keep-alive period requested for the listen stream. Without any bytes for three periods it is not live.",
        minimum=1,
        maximum=3600,
    )
    webhook_token: str = setting(
        "", "Bearer token of bucket notifications on `POST /events`. Empty: all are rejected.", secret=True
    )
    write_status: bool = setting(
        True,
        "Write what is known of each version into `_status.json` beside it, if the store allows it. Nothing depends on "
        "these files.",
    )
    traffic_interval: float = setting(
        15.0,
        "Time between two looks at the models' `/metrics`, for the rate, latency and errors that the status shows; "
        "0: none.",
        minimum=0.0,
        maximum=DAY,
    )
    prometheus_url: str = setting(
        "",
        "URL of a Prometheus that scrapes the models, to ask it instead of them: exact for models of many pods. Its "
        "targets need the labels `namespace` and `job`, the name of the Service, as the chart's ServiceMonitor and "
        "manifests/prometheus.yaml yield them.",
    )
    workers: int = setting(4, "Models processed at the same time.", minimum=1, maximum=256)
    listen: str = setting(
        "127.0.0.1:8080",
        "Address of `/status`, `/metrics`, `/events` and the other paths: `host:port`, `[IPv6]:port`, or `:port` for "
        "all addresses.",
    )
    state_dir: str = setting(".kubeserve/local", "Folder in which the local runtime keeps downloaded models and logs.")
    cage: str = setting(
        "auto",
        "Isolation of the local runtime's models by bubblewrap: `auto` where it works, `off`, or `required`.",
        choices=("auto", "off", "required"),
    )
    model_memory: str = setting(
        "",
        "Address space of one model of the local runtime, such as 8Gi. Empty: as much as the machine has memory, and "
        "at least 4Gi.",
    )
    log_level: str = setting("info", "Least severe log lines to show.", choices=("debug", "info", "warning", "error"))
