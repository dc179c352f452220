"""Where the process listens, and with whom it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from server.__main__ import listening


@pytest.mark.parametrize(
    ("host", "family", "client"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.1"),
        ("::1", socket.AF_INET6, "::1"),
        ("::", socket.AF_INET6, "::1"),
        ("::", socket.AF_INET6, "127.0.0.1"),
    ],
)
def test_the_host_chooses_the_family(host: str, family: int, client: str) -> None:
    with listening(host, 0) as sock:
        assert sock.family == family
        socket.create_connection((client, sock.getsockname()[1])).close()


@pytest.mark.parametrize("stdin", ["<&-", "0>/dev/null", "</dev/null"])
def test_a_standard_input_that_has_ended_or_cannot_be_read_ends_the_process(stdin: str) -> None:
    program = f'exec "{sys.executable}" -c "from server.__main__ import stop_with_stdin; stop_with_stdin()" {stdin}'
    done = subprocess.run(["bash", "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, b"")
