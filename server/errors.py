"""The server's errors: the caller's input, or the model itself."""


class InputError(ValueError):
    """The request cannot be answered as it is; the message names the problem and the place. HTTP 400."""


class ModelError(Exception):
    """The model cannot serve; the message says what its owner should do."""
