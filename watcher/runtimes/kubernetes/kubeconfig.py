"""Load the API server's address, credentials and connection pool from a kubeconfig or from the pod, as kubectl would.

The kubernetes client reads the files. Three things that it does not do are done here. The failure of an exec plugin
is an error (the client would go on as `system:anonymous`). The plugin's run time is bounded. Errors name the file.
"""

from __future__ import annotations

import ipaddress
import json
import os
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.rest import RESTClientObject, should_bypass_proxies
from kubernetes.config import incluster_config
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import FileOrData, KubeConfigLoader, KubeConfigMerger

from watcher import process_secrets
from watcher.core.text import clean
from watcher.errors import Rejected, Retryable

PLUGIN_SECONDS = 20
"""How long an exec plugin may run: it may ask a cloud for a token, but must not delay a survey for minutes."""
FILE_SECONDS = 60
"""How long a token from a file is used before the file is read again; client-go has the same period."""
CONNECTIONS = 256
"""The most idle connections that are kept: the workers use one each, and each kind that is watched another."""
PLUGIN_OUTPUT = 200
"""Bytes of the end of what a plugin printed that are shown."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The API server as one reading of the configuration gives it.

    `origin` names the configuration in errors. At `renew_at`, on the monotonic clock, the credentials are read again;
    None: only when the API server rejects them.
    """

    server: str
    origin: str
    headers: Mapping[str, str]
    pool: urllib3.PoolManager
    renew_at: float | None = None


def load(kubeconfig: str) -> Connection:
    """Return a connection by the given kubeconfig; without one by the pod's service account, or `~/.kube/config`.

    Raises:
        Rejected: the configuration is missing or wrong; a person must correct it.
        Retryable: an exec plugin failed, which may be temporary.

    """
    if kubeconfig:
        return _from_files(kubeconfig)
    if os.environ.get(incluster_config.SERVICE_HOST_ENV_NAME):
        return _from_pod()
    usual = "~/.kube/config"
    if Path(usual).expanduser().exists():
        return _from_files(usual)
    raise Rejected(
        "NoCluster",
        f"no Kubernetes configuration: {usual} does not exist; set KUBECONFIG or --kubeconfig, or --runtime local",
    )


def _from_pod() -> Connection:
    origin = "the pod's service account"
    found = client.Configuration(proxy="", no_proxy="")
    try:
        config.load_incluster_config(found, try_refresh_token=False)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _unusable(origin, error) from error
    return _connection(found, origin, FILE_SECONDS)


def _from_files(paths: str) -> Connection:
    """Load `paths`, one or more separated by ":"."""
    origin = f"kubeconfig {paths}"
    existing = [path for path in map(_expanded, paths.split(os.pathsep)) if path.exists()]
    if not existing:
        raise Rejected("NoCluster", f"{origin} does not exist; set KUBECONFIG or --kubeconfig, or --runtime local")
    for path in existing:
        _check_file(path)
    found = client.Configuration(proxy="", no_proxy="")
    found.host = ""
    try:
        loader = _Loader(KubeConfigMerger(paths).config)
        loader.load_and_set(found)
        seconds = loader.seconds()
    except (config.ConfigException, OSError) as error:
        raise _unusable(origin, error) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # The client does not check the types of what it finds.
        raise _unusable(origin, f"not in the form of a kubeconfig: {error!r}") from error
    return _connection(found, origin, seconds)


def _expanded(path: str) -> Path:
    return Path(path).expanduser()


def _check_file(path: Path) -> None:
    """Raise Rejected, with the file's name, if it cannot be a kubeconfig."""
    origin = f"kubeconfig {path}"
    try:
        document = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise _unusable(origin, error.strerror or error) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unusable(origin, f"not YAML: {error}") from error
    if document is None:
        raise _unusable(origin, "the file is empty")
    if not isinstance(document, dict):
        raise _unusable(origin, "not a map of clusters, users and contexts")


def _unusable(origin: str, cause: object) -> Rejected:
    return Rejected("NoCluster", f"{origin} cannot be used: {clean(cause)}")


class _Loader(KubeConfigLoader):
    """The client's loader, with an exec plugin whose failure is an error and whose time is bounded."""

    def seconds(self) -> float | None:
        """Return how long the credentials may be used; None if that is not known."""
        user: Any = self._user
        if user and "tokenFile" in user and not user.safe_get("token"):
            return FILE_SECONDS
        expiry: datetime | None = getattr(self, "expiry", None)
        return None if expiry is None else (expiry - datetime.now(UTC)).total_seconds()

    def _load_from_exec_plugin(self) -> bool | None:
        """Override: the client's own logs the failure and goes on without credentials."""
        user: Any = self._user
        cluster: Any = self._cluster
        if "exec" not in user:
            return None
        status = run_plugin(ExecProvider(user["exec"], self._get_base_path(cluster.path), cluster))
        if "token" in status:
            self.token = f"Bearer {status['token']}"
        elif {"clientCertificateData", "clientKeyData"} <= status.keys():
            self.cert_file, self.key_file = (
                FileOrData(status, None, data_key_name=name, base64_file_content=False).as_file()
                for name in ("clientCertificateData", "clientKeyData")
            )
        else:
            raise Retryable("NoCredentials", "the exec plugin returned no token and no certificate with its key")
        if "expirationTimestamp" in status:
            self.expiry = datetime.fromisoformat(status["expirationTimestamp"])
        return True


def run_plugin(plugin: ExecProvider) -> dict[str, Any]:
    """Run an exec plugin without a terminal, and return the `status` of its answer.

    Raises:
        Retryable: it cannot be started, fails, takes too long, or prints something else.

    """
    name = plugin.args[0]
    request: dict[str, Any] = {"interactive": False}
    if plugin.cluster:
        request["cluster"] = plugin.cluster.value
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": request}
    try:
        ended = subprocess.run(  # noqa: S603 - the command that the user's kubeconfig names, as for kubectl
            plugin.args,
            env={**process_secrets.store_keys(), **plugin.env, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            cwd=plugin.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PLUGIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _plugin_failed(name, f"no answer within {PLUGIN_SECONDS} s") from error
    except OSError as error:
        raise _plugin_failed(name, error.strerror or error) from error
    if ended.returncode != 0:
        output = ended.stderr[-PLUGIN_OUTPUT:].decode(errors="replace").strip()
        raise _plugin_failed(name, f"exit code {ended.returncode}" + (f": {output}" if output else ""))
    try:
        status: dict[str, Any] = json.loads(ended.stdout)["status"]
        status.keys()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _plugin_failed(name, "its output is not an ExecCredential with a status") from error
    return status


def _plugin_failed(name: str, cause: object) -> Retryable:
    return Retryable("NoCredentials", f"the exec plugin {name} failed: {clean(cause)}")


def _connection(found: client.Configuration, origin: str, seconds: float | None) -> Connection:
    """Check what the client accepts unchecked, so that a slip is reported here and not by every later call."""
    if not _is_address(found.host):
        raise _unusable(origin, f"server '{found.host}': expected https://HOST:PORT")
    found.connection_pool_maxsize = CONNECTIONS
    found.proxy, found.no_proxy, found.retries = proxy_for(found.host, found.proxy), "", False
    try:
        _check_certificates(found)
        if found.proxy and (login := urllib3.util.parse_url(found.proxy).auth):
            found.proxy_headers = urllib3.make_headers(proxy_basic_auth=unquote(login))
        pool = RESTClientObject(found).pool_manager
    except (OSError, ValueError, urllib3.exceptions.HTTPError, ImportError) as error:
        raise _unusable(origin, error) from error
    headers = {"Accept": "application/json", "User-Agent": "kubeserve-watcher"}
    if token := found.api_key.get("BearerToken"):
        headers["Authorization"] = _header(token, origin)
    renew_at = None if seconds is None else time.monotonic() + seconds
    return Connection(found.host, origin, headers, pool, renew_at)


def _is_address(server: str) -> bool:
    try:
        parsed = urlsplit(server)
        return parsed.scheme in {"http", "https"} and bool(parsed.hostname) and parsed.port != 0
    except ValueError:  # the port is not a number, or the brackets do not match
        return False


def _header(token: str, origin: str) -> str:
    """Return a token as a header's value. Files often end in a newline, which kubectl removes too."""
    value = " ".join(token.split())
    if not value.isascii() or not value.isprintable():
        raise _unusable(origin, "the token has characters that a header cannot have")
    return value


def _check_certificates(found: client.Configuration) -> None:
    """Raise `OSError` naming the file that is not a certificate or key in PEM."""
    context, name = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), None
    try:
        if name := found.ssl_ca_cert:
            context.load_verify_locations(name)
        if name := found.cert_file:
            context.load_cert_chain(name, found.key_file)
    except ssl.SSLError as error:
        raise OSError(f"{name} is not a certificate (with its key) in PEM: {error}") from error


def proxy_for(server: str, named: str | None) -> str | None:
    """Return the proxy for the API server as kubectl chooses it.

    The kubeconfig's `proxy-url` is always used. Otherwise HTTPS_PROXY or HTTP_PROXY by the server's scheme, except for
    hosts in NO_PROXY and for this machine.
    """
    if named:
        return named
    proxies, parsed = getproxies_environment(), urlsplit(server)
    if _is_loopback(parsed.hostname or "") or should_bypass_proxies(server, proxies.get("no", "")):
        return None
    proxy = proxies.get(parsed.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
