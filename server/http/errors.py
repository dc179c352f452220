"""Error answers: every one is `{"error": "…"}`. An unexpected exception is logged, and its text is not sent."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from sanic.exceptions import PayloadTooLarge, SanicException, ServiceUnavailable
from sanic.request import Request
from sanic.response import HTTPResponse, json

from server.errors import InputError, ModelError, Overloaded, TooLargeError
from server.http.service import App

log = structlog.get_logger()


def add_error_handling(app: App) -> None:
    """Answer each exception of a route with its status and one sentence."""

    @app.exception(Exception)
    async def answer(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, InputError):
            too_large = isinstance(error, TooLargeError)
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST
            return error_response(str(error), status)
        if isinstance(error, Overloaded):
            headers = {"Retry-After": str(error.retry_after)}
            return error_response(str(error), HTTPStatus.SERVICE_UNAVAILABLE, headers)
        if isinstance(error, ModelError):
            return error_response(str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, PayloadTooLarge):
            larger = f"the body is larger than {request.app.config.REQUEST_MAX_SIZE} bytes (--max-body-size)"
            return error_response(larger, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if isinstance(error, SanicException):
            return error_response(str(error), error.status_code, error.headers)
        log.error("unexpected error", path=request.path, error=f"{type(error).__name__}: {error}")
        return error_response("internal error; see the server's log", HTTPStatus.INTERNAL_SERVER_ERROR)

    @app.exception(ServiceUnavailable)
    async def answer_timeout(request: Request, _: ServiceUnavailable) -> HTTPResponse:
        # Only Sanic's response timeout raises this. Each piece of a body starts that time again.
        seconds = request.app.config.RESPONSE_TIMEOUT
        reason = f"no answer within {seconds:g} s: the model takes too long"
        return error_response(reason, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})


def error_response(message: str, status: int, headers: dict[str, str] | None = None) -> HTTPResponse:
    return json({"error": message}, status=int(status), headers=headers)
