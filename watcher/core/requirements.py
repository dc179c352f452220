"""Refuse a version whose requirements.txt no server would install, before a pod is made for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from requirements_txt import policy
from requirements_txt.parsing import MAX_BYTES, RequirementsError
from watcher.core.naming import REQUIREMENTS
from watcher.core.types import ModelVersion, StoredObject
from watcher.errors import Rejected

READ_LIMIT = MAX_BYTES
"""Bytes. One more shows that a file is too large."""


def check(version: ModelVersion, values: Mapping[str, Any], read: Callable[[StoredObject], bytes]) -> None:
    """Check the requirements.txt of a version by what the chart's complete `values` permit.

    Raises:
        Rejected: `RequirementsRefused`; the text has the key, the line and the problem.

    """
    check_permitted(version, values)
    if file := version.requirements:
        with_key(file, lambda: policy.read(read(file), values["download"]["requirements"]))


def check_permitted(version: ModelVersion, values: Mapping[str, Any]) -> None:
    """Raise Rejected if the version has a requirements.txt and may have none. The file is not read."""
    if file := version.requirements:
        with_key(file, lambda: policy.check_permitted(values["download"]["requirements"]))


def with_key(file: StoredObject, check: Callable[[], object]) -> None:
    try:
        check()
    except RequirementsError as error:
        # Its sentence begins with the file's name.
        raise Rejected("RequirementsRefused", f"{file.key.removesuffix(REQUIREMENTS)}{error}") from error
