"""The server's errors, classed by whose matter they are: the caller's, the model owner's, or the load's."""


class InputError(ValueError):
    """The request cannot be answered as it is; the message names the problem and the place. HTTP 400."""


class ModelError(Exception):
    """The model cannot serve; the message says what its owner should do."""


class Overloaded(Exception):  # noqa: N818 - a state of the server, not a fault of anyone
    """More waits than can be answered in time or held in memory. HTTP 503.

    `retry_after` is in whole seconds, at least one.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
