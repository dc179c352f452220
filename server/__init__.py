"""The server of one model, and the init container's download."""

from server.optional_packages import left_out

with left_out():
    import structlog  # noqa: F401 - here, because the first import of it decides
