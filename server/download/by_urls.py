"""Open the files of a model by URLs that the watcher signed: no keys, and no code that signs.

A URL is a secret for as long as it is valid. It is in no log and in no error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import urllib3
from minio.error import S3Error, ServerError

from server.download.causes import REASONS_OF_URLS
from server.download.network import Endpoint, connection_pool
from server.errors import ModelError
from server.paths import REQUIREMENTS

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""What versions of packages are resolved for. A set of another Python may have no wheels for this one."""
OK = 200
MAX_ERROR = 64 * 1024
"""Bytes that are read of an answer other than 200."""
UNUSABLE = "KUBESERVE_URLS is not what the watcher writes: delete the pod, and the watcher's ConfigMap of the model"


class SignedFiles:
    """The files of a model, each with a URL and, where the watcher knows them, the SHA-256 of its bytes.

    The requirements.txt also has what an earlier pod has installed for it.
    """

    reasons = REASONS_OF_URLS

    def __init__(self, text: str) -> None:
        """Read `{"model.joblib": {"urls": […], "sha256": …}, …}`; a file's URLs are for versions of the same object.

        Raises:
            ModelError: it is something else.

        """
        try:
            self._files: Mapping[str, Mapping[str, Any]] = json.loads(text)
            addresses = {urlsplit(url)[:2] for file in self._files.values() for url in file["urls"]}
            ((scheme, host),) = addresses  # one store
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ModelError(UNUSABLE) from None  # the text of the cause may contain a URL
        endpoint = Endpoint.of(host, secure=scheme == "https")
        self.host = endpoint.host
        self._pool = connection_pool(endpoint)

    def open(self, name: str) -> urllib3.BaseHTTPResponse:
        """Return the answer with the bytes of a file.

        Raises:
            S3Error, ServerError: the store gives another answer.
            ModelError: the watcher has signed no URL for the file.

        """
        if name not in self._files:
            raise ModelError(f"{name}: the watcher has signed no URL for it; it does when it lists the bucket next")
        *others, last = self._files[name]["urls"]
        for url in others:
            # The version of these bytes. If only that was deleted, the ETag still says whether the newest will do.
            with suppress(S3Error):
                return self._answer(url)
        return self._answer(last)

    def _answer(self, url: str) -> urllib3.BaseHTTPResponse:
        response = self._pool.request("GET", url, preload_content=False, redirect=False)
        if response.status == OK:
            return response
        with closing(response):
            raise failure(response, response.read(MAX_ERROR))

    def open_optional(self, name: str) -> urllib3.BaseHTTPResponse | None:
        """Return the answer with the bytes of a file, None if the release has none of this name."""
        return self.open(name) if name in self._files else None

    @property
    def packages(self) -> str:
        """What an earlier pod with this Python has installed for the requirements.txt: `a==1 b==2`; "" if none has."""
        installed = self._files.get(REQUIREMENTS, {}).get("installed")
        return str(installed.get(PYTHON, "")) if isinstance(installed, dict) else ""

    def digest_of(self, name: str) -> str:
        """Return the SHA-256 that the bytes of a file must have, in hexadecimal; "" for any."""
        return str(self._files.get(name, {}).get("sha256", ""))


def failure(response: urllib3.BaseHTTPResponse, body: bytes) -> S3Error | ServerError:
    """Return the error for an answer other than 200: the store's own, if it is S3's XML."""
    try:
        # At most 64 KiB, and expat bounds what entities expand to.
        texts = {item.tag.rpartition("}")[2]: item.text or "" for item in ET.fromstring(body)}  # noqa: S314
        code, message = texts["Code"], texts["Message"]
    except (ET.ParseError, KeyError):
        return ServerError("an answer that is not S3's", response.status)
    is_over = code == "AccessDenied" and "expired" in message.lower()
    shown = "" if "X-Amz-" in message else message  # never a part of the URL
    return S3Error(response, "RequestExpired" if is_over else code, shown, None, None, None)
