"""Where the process listens, and when it ends."""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from server.__main__ import listening
from server.settings import Settings

DEFAULT = Settings(model="m").host  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "family", "client"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.1"),
        ("localhost", socket.AF_INET, "127.0.0.1"),
        ("::1", socket.AF_INET6, "::1"),
        ("[::1]", socket.AF_INET6, "::1"),
        (DEFAULT, socket.AF_INET6, "::1"),
        (DEFAULT, socket.AF_INET6, "127.0.0.1"),
    ],
)
def test_listening_host_is_reached_by_its_families(host: str, family: int, client: str) -> None:
    with listening(host, 0) as sock:
        assert sock.family == family
        socket.create_connection((client, sock.getsockname()[1])).close()


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_listening_without_ipv6_in_the_kernel_serves_ipv4(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server

    def without_ipv6(address: Any, family: int = socket.AF_INET, **options: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(code, "no IPv6")
        return create(address, family=family, backlog=options["backlog"])

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    with listening("::", 0) as sock:
        assert sock.getsockname()[0] == "0.0.0.0"
    with pytest.raises(OSError, match="no IPv6"):
        listening("::1", 0)


def test_listening_on_a_port_in_use_is_an_error_and_not_a_reason_for_ipv4_alone() -> None:
    with listening("::", 0) as sock, pytest.raises(OSError, match="in use"):
        listening("::", sock.getsockname()[1])


@pytest.mark.parametrize("stdin", ["<&-", "0>/dev/null", "</dev/null"])
def test_stop_with_stdin_that_has_ended_or_cannot_be_read_ends_the_process(stdin: str) -> None:
    program = f'exec "{sys.executable}" -c "from server.__main__ import stop_with_stdin; stop_with_stdin()" {stdin}'
    done = subprocess.run(["bash", "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, b"")


def test_main_lets_other_threads_interrupt_a_prediction_sooner_than_python_does() -> None:
    program = """
import sys
from server.__main__ import main
sys.argv = ["server", "--model", "model.joblib", "--host", "999.0.0.1"]
assert main() == 75  # cannot listen: not the fault of the model
print(sys.getswitchinterval())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert float(done.stdout) < 0.001
