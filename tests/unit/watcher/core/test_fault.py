"""The exit codes that the server's programs and the watcher share."""

from __future__ import annotations

import signal

import pytest

from server import errors
from watcher.core import fault


def test_both_programs_mean_the_same_codes() -> None:
    assert (fault.DOWNLOAD_OWN_FAULT, fault.SERVER_CANNOT_RUN) == (errors.OWN_FAULT, errors.CANNOT_RUN)


@pytest.mark.parametrize("code", [0, 1, 2, 75, 137, 143, -9])
def test_download_that_ends_with_any_other_code_is_not_the_versions_fault(code: int) -> None:
    assert not fault.of_download(code)


@pytest.mark.parametrize(
    ("code", "expected"), [(1, True), (65, True), (139, True), (-signal.SIGSEGV, True), (134, True)]
)
def test_server_that_crashes_is_the_versions_fault(code: int, expected: bool) -> None:
    assert fault.of_server(code) == expected


@pytest.mark.parametrize("code", [0, 75, 137, 143, -signal.SIGKILL, -signal.SIGTERM])
def test_server_that_someone_ended_or_that_cannot_run_is_not(code: int) -> None:
    assert not fault.of_server(code)
