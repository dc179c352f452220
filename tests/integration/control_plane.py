"""A real etcd, API server and controller manager. There is no node, so the pods of Deployments stay pending."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import urllib.request
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from dev import tools
from dev.processes import Child, free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_READY_SECONDS = 300
"""A bound on a start that hangs. On an idle machine each part is ready within a few seconds."""


class ControlPlane:
    """Starts within seconds on free ports, and writes in `directory` only.

    The given flags are added to its own. `certificate_authority` has to be given if they name another certificate of
    the API server. `tokens` are further lines of its token file: `token,user,uid,"group"`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        address: str = "127.0.0.1",
        certificate_authority: Path | None = None,
        api_flags: Mapping[str, str] | None = None,
        manager_flags: Mapping[str, str] | None = None,
        tokens: Iterable[str] = (),
    ) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.server = f"https://{address}:{free_port()}"
        self._authority = certificate_authority or directory / "certificates" / "apiserver.crt"
        self._more_api_flags, self._more_manager_flags = api_flags or {}, manager_flags or {}
        self._token = secrets.token_hex(16)
        self._tokens = [f'{self._token},admin,admin,"system:masters"', *tokens]
        self._etcd = f"http://127.0.0.1:{free_port()}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._write_credentials()
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # In reverse order: an API server that loses its etcd takes a minute to stop.
        self._stack.close()

    def _start(self) -> None:
        etcd = self._child("etcd", self._etcd_flags())
        etcd.wait_until(lambda: self._answers(f"{self._etcd}/health"), _READY_SECONDS)
        api = self._child("kube-apiserver", {**self._api_flags(), **self._more_api_flags})
        api.wait_until(lambda: self._answers(f"{self.server}/readyz"), _READY_SECONDS)
        manager_port = free_port()
        flags = {**self._manager_flags(manager_port), **self._more_manager_flags}
        manager = self._child("kube-controller-manager", flags)
        manager.wait_until(lambda: self._answers(f"https://127.0.0.1:{manager_port}/healthz"), _READY_SECONDS)
        default = f"{self.server}/api/v1/namespaces/default/serviceaccounts/default"
        # Pods are refused until the controller manager has made the namespace's service account.
        manager.wait_until(lambda: self._answers(default), _READY_SECONDS)

    def _child(self, name: str, flags: dict[str, str]) -> Child:
        command = [str(tools.find(name)), *(f"--{flag}={value}" for flag, value in flags.items())]
        child = Child(name, command, self.directory / f"{name}.log", grace=3)
        return self._stack.enter_context(child)

    def _write_credentials(self) -> None:
        (self.directory / "tokens.csv").write_text("".join(f"{line}\n" for line in self._tokens))
        key = self.directory / "service-account.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        self.kubeconfig.write_text(json.dumps(self._kubeconfig()))  # JSON is YAML too

    def _kubeconfig(self) -> dict[str, object]:
        cluster = {
            "server": self.server,
            "certificate-authority": str(self._authority),
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }

    def _etcd_flags(self) -> dict[str, str]:
        peer = f"http://127.0.0.1:{free_port()}"
        return {
            "data-dir": str(self.directory / "etcd"),
            "listen-client-urls": self._etcd,
            "advertise-client-urls": self._etcd,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "unsafe-no-fsync": "true",  # test data need not survive a power cut
        }

    def _api_flags(self) -> dict[str, str]:
        key = str(self.directory / "service-account.key")
        return {
            "etcd-servers": self._etcd,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            # The endpoint reconciler refuses a loopback address, and no test reaches the API by its Service.
            "endpoint-reconciler-type": "none",
            "secure-port": self.server.rpartition(":")[2],
            "cert-dir": str(self.directory / "certificates"),
            "token-auth-file": str(self.directory / "tokens.csv"),
            "authorization-mode": "RBAC",
            "allow-privileged": "true",  # as usual in clusters: what refuses a privileged pod is then a policy
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "service-cluster-ip-range": "10.0.0.0/24",
            "enable-priority-and-fairness": "false",
            "shutdown-delay-duration": "0s",
        }

    def _manager_flags(self, port: int) -> dict[str, str]:
        return {
            "kubeconfig": str(self.kubeconfig),
            "bind-address": "127.0.0.1",
            "secure-port": str(port),
            "cert-dir": str(self.directory / "manager-certificates"),
            "service-account-private-key-file": str(self.directory / "service-account.key"),
            "use-service-account-credentials": "false",
            "leader-elect": "false",
            "kube-api-qps": "500",
            "kube-api-burst": "1000",
            "concurrent-gc-syncs": "5",
        }

    def _answers(self, url: str) -> bool:
        # The serving certificates are self-signed, and the requests stay on this machine.
        context = ssl._create_unverified_context()
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"})
        # An answer other than success raises HTTPError, an OSError.
        with suppress(OSError), urllib.request.urlopen(request, timeout=20, context=context):
            return True
        return False
