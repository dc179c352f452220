"""The reason why a model's answers cannot be explained."""

from __future__ import annotations

from server.errors import InputError


class UnexplainedError(InputError):
    """What moved the answer is not known exactly; the message says why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this model's answers cannot be explained: {reason}")
        self.reason = reason
