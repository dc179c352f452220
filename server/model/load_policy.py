"""How a model file is loaded: read as data, where nothing of it is run, or as code (docs/adr/0018)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from server.errors import ModelError
from server.model.families.registry import part_of
from server.model.pickledata.files import read
from server.model.pickledata.records import Record, Unknown, Unreadable
from server.model.recorded_estimator import RecordedEstimator
from server.packages import NEEDS_CODE, brings_packages


class LoadPolicy(StrEnum):
    """The values of `--load`."""

    AUTO = "auto"
    """As data if every part of the model is known, else as code."""
    DATA = "data"
    """As data, or not at all: the only one that is a boundary against hostile files."""
    CODE = "code"
    """By joblib, which runs what the file names."""


class NotDataError(ModelError):
    """The file cannot be served as data."""

    def __init__(self, reason: object, prefix: str = "this model needs code: ", *, readable: bool = True) -> None:
        super().__init__(f"{prefix}{reason}")
        self.reason = str(reason)
        """Why, in words, without the prefix."""
        self.readable = readable
        """Whether the file itself is in order: joblib may load it, as code."""


def read_as_data(path: Path) -> RecordedEstimator:
    """Return the model of a file. Nothing that the file names is imported or run.

    Raises:
        NotDataError: a part of the model is not known as data, packages belong to it, or the file is damaged.

    """
    if brings_packages(path.parent):
        raise NotDataError(NEEDS_CODE)
    try:
        record = read(path)
        classes: dict[str, None] = {}
        part = part_of(record, classes)
    except Unknown as error:
        raise NotDataError(error) from error
    except Unreadable as error:
        raise NotDataError(error, f"{path.name} cannot be read: ", readable=False) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NotDataError(reason, f"{path} cannot be read: ", readable=False) from error
    assert type(record) is Record
    return RecordedEstimator(record, part, tuple(classes))
