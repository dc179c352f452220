"""Compare a first answer with scikit-learn's before anything is timed."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from tests.bench.serving.process import Process
from tests.bench.serving.protocols import Request, Speaks


class WrongAnswerError(Exception):
    """The server gives a wrong answer; the message says which."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def checked(process: Process, speaks: Speaks, request: Request, expected: Sequence[Any]) -> bytes:
    """Return the correct answer in the server's own bytes, with which wrk then compares every other.

    Raises:
        WrongAnswerError: An error, other predictions, or bytes that change from answer to answer.

    """
    first = _answer(process, speaks, request, expected)
    if _answer(process, speaks, request, expected) != first:
        raise WrongAnswerError("two answers to the same request differ, so that wrk could not compare them")
    return first


def _answer(process: Process, speaks: Speaks, request: Request, expected: Sequence[Any]) -> bytes:
    try:
        answer = process.ask("POST", request.path, request)
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswerError(f"no answer: {type(error).__name__}: {error}") from error
    start = answer.body[:160].decode(errors="replace")
    if answer.status != HTTPStatus.OK:
        raise WrongAnswerError(f"answered {answer.status}: {start}", answer.status)
    try:
        found = speaks.predictions(answer.headers, answer.body)
    except Exception as error:  # the body is the server's: anything may be wrong with it
        raise WrongAnswerError(f"not an answer: {start}") from error
    if found != list(expected):
        raise WrongAnswerError(f"other predictions than scikit-learn's: {start}")
    return answer.body
