from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from watcher.errors import Rejected, Retryable
from watcher.runtimes.kubernetes import kubeconfig as module
from watcher.runtimes.kubernetes.api import Unreachable, connect
from watcher.runtimes.kubernetes.kubeconfig import load, proxy_for

from .stub_api_server import kubeconfig, stub

V1 = "client.authentication.k8s.io/v1"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"clusters: [", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"[" * 600, "not YAML"),
        (b"", "the file is empty"),
        (b"just a word", "not a map of clusters, users and contexts"),
        (b"[1, 2]", "not a map of clusters, users and contexts"),
        (b"{}", "current-context"),
        (b"{current-context: c}", "c"),
        (b"{current-context: c, clusters: 5, contexts: 5, users: 5}", "not in the form of a kubeconfig"),
        (b"{current-context: c, clusters: [x], contexts: [y], users: [z]}", "to have 'name' key"),
        (b"{current-context: c, contexts: [{name: c}]}", "context"),
        (b"{current-context: c, contexts: [{name: c, context: {cluster: gone}}]}", "gone"),
        (b"{current-context: c, contexts: [{name: c, context: {cluster: c}}], clusters: [{name: c, cluster: {}}]}", ""),
    ],
)
def test_load_of_a_file_that_is_no_kubeconfig_names_the_file(text: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(text)
    with pytest.raises(Rejected) as error:
        load(str(path))
    assert f"kubeconfig {path}" in str(error.value)
    assert sentence in str(error.value)
    assert str(error.value).isprintable()


def test_load_of_a_directory_or_an_unreadable_or_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=f"kubeconfig {tmp_path} cannot be used: Is a directory"):
        load(str(tmp_path))
    with pytest.raises(Rejected, match=f"kubeconfig {tmp_path}/gone does not exist"):
        load(str(tmp_path / "gone"))


@pytest.mark.parametrize("server", ["", "10.0.0.1:6443", "https://", "ftp://host", "https://[::1", "https://h:port", 5])
def test_load_with_a_server_that_is_no_url_says_what_is_expected(server: Any, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"expected https://HOST:PORT|not in the form of a kubeconfig"):
        load(kubeconfig(tmp_path, server))


@pytest.mark.parametrize(
    ("user", "cluster", "sentence"),
    [
        ({"client-certificate": "/gone.crt", "client-key": "/gone.key"}, {}, "/gone.crt"),
        ({"tokenFile": "/gone/token"}, {}, "/gone/token"),
        ({"token": "t"}, {"certificate-authority": "/gone/ca.crt"}, "/gone/ca.crt"),
        ({"token": "t"}, {"certificate-authority": __file__}, "is not a certificate"),
        ({"token": "t"}, {"certificate-authority-data": "%%%"}, "kubeconfig"),
        ({"token": "naïve"}, {}, "characters that a header cannot have"),
        ({"exec": {"command": "x"}}, {}, "apiVersion"),
        ({"token": "t"}, {"proxy-url": "gopher://x"}, "gopher"),
    ],
)
def test_load_with_a_wrong_reference_says_which(
    user: dict[str, Any], cluster: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", user, **cluster)
    with pytest.raises(Rejected) as error:
        load(path)
    assert f"kubeconfig {path}" in str(error.value)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 1", "exit code 1"),
        ("echo the session has expired >&2; exit 1", "exit code 1: the session has expired"),
        ("printf 'a\\033[31mb\\nc' >&2; exit 1", r"exit code 1: a \[31mb c"),
        ("echo hello", "its output is not an ExecCredential"),
        ("echo '{\"status\": null}'", "its output is not an ExecCredential"),
        ("echo '{\"status\": {}}'", "no token and no certificate"),
        ("sleep 60", "no answer within 0.5 s"),
    ],
)
def test_load_with_a_failing_plugin_says_why(
    script: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PLUGIN_SECONDS", 60 if "sleep" not in script else 0.5)
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\n{script.replace('sleep', 'exec sleep')}\n")
    plugin.chmod(0o755)
    with pytest.raises(Retryable, match=sentence):
        load(kubeconfig(tmp_path, "https://127.0.0.1:1", {"exec": {"apiVersion": V1, "command": str(plugin)}}))


def test_load_with_a_plugin_that_is_not_there_names_it(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match="the exec plugin /gone/plugin failed: No such file"):
        load(kubeconfig(tmp_path, "https://127.0.0.1:1", {"exec": {"apiVersion": V1, "command": "/gone/plugin"}}))


def test_load_removes_the_newline_after_a_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("abc\n")
    found = load(kubeconfig(tmp_path, "https://127.0.0.1:1", {"tokenFile": str(token)}))
    assert found.headers["Authorization"] == "Bearer abc"
    assert found.renew_at is not None
    assert load(kubeconfig(tmp_path, "https://127.0.0.1:1", {"token": "abc"})).renew_at is None


def test_load_in_a_pod_takes_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    (tmp_path / "token").write_text("from the pod\n".replace(" ", "-"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    loader = module.config.incluster_config
    monkeypatch.setattr(loader, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(loader, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    found = load("")
    assert (found.server, found.headers["Authorization"]) == ("https://[fd00::1]:443", "bearer from-the-pod")
    assert found.renew_at is not None
    (tmp_path / "token").unlink()
    with pytest.raises(Rejected, match="the pod's service account cannot be used: Service token file does not exist"):
        load("")


@pytest.mark.parametrize(
    ("server", "named", "no_proxy", "proxy"),
    [
        ("https://api.example:6443", None, "", "http://secure:1"),
        ("http://api.example", None, "", "http://plain:1"),
        ("https://api.example", "http://named:1", "*", "http://named:1"),
        ("https://api.example", None, "example", None),
        ("https://api.example", None, ".example", None),
        ("https://api.example", None, "other", "http://secure:1"),
        ("https://10.1.2.3", None, "10.0.0.0/8", None),
        ("https://127.0.0.1:6443", None, "", None),
        ("https://localhost:6443", None, "", None),
        ("https://[::1]:6443", None, "", None),
    ],
)
def test_proxy_for_a_server_is_the_one_that_kubectl_takes(
    server: str, named: str | None, no_proxy: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"https_proxy": "secure:1", "http_proxy": "http://plain:1", "no_proxy": no_proxy}.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(server, named) == proxy


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def cause(path: str) -> str:
    api = connect(path)
    with pytest.raises(Unreachable) as error:
        api.call("GET", "/x")
    api.close()
    return str(error.value)


def test_call_to_a_closed_port_an_unknown_host_or_a_dead_proxy_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_port()
    assert cause(kubeconfig(tmp_path, f"https://127.0.0.1:{port}")) == (
        f"the API server https://127.0.0.1:{port} cannot be reached: nothing listens on that port (connection refused)"
    )
    assert "the host name 'api.invalid' is unknown (DNS)" in cause(kubeconfig(tmp_path, "https://api.invalid"))
    named = kubeconfig(tmp_path, "https://api.invalid", **{"proxy-url": f"http://user:secret@127.0.0.1:{port}"})
    assert cause(named).endswith(
        "cannot be reached: the proxy fails: nothing listens on that port (connection refused)"
    )
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
    assert cause(kubeconfig(tmp_path, "https://api.invalid")).endswith(
        "the proxy fails: nothing listens on that port (connection refused)"
    )


def test_call_through_a_proxy_that_refuses_the_tunnel_says_its_answer(tmp_path: Path) -> None:
    with stub(lambda _: (407, b"log in")) as proxy:
        path = kubeconfig(tmp_path, "https://api.invalid:6443", **{"proxy-url": proxy.url})
        assert "the proxy fails: Tunnel connection failed: 407" in cause(path)
        assert proxy.requests[0][:2] == ("CONNECT", "api.invalid:6443")


def test_call_to_a_server_with_another_certificate_says_so(tmp_path: Path) -> None:
    theirs, ours = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    context = module.ssl.SSLContext(module.ssl.PROTOCOL_TLS_SERVER)
    theirs.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as sock:

        def serve() -> None:
            connection, _ = sock.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        threading.Thread(target=serve, daemon=True).start()
        server = f"https://127.0.0.1:{sock.getsockname()[1]}"
        found = cause(kubeconfig(tmp_path, server, **{"certificate-authority": str(tmp_path / "ca.crt")}))
        assert (
            "its certificate is not trusted (unable to get local issuer certificate): check the kubeconfig's" in found
        )


def test_call_by_tls_to_a_port_without_it_says_so(tmp_path: Path) -> None:
    with stub(lambda _: (200, b"{}")) as server:
        assert "the port does not speak TLS: check the scheme" in cause(
            kubeconfig(tmp_path, server.url.replace("http:", "https:"))
        )
