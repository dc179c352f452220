"""A model that serves, as a notebook has it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeserve.errors import one_sentence
from kubeserve.frames import rows_of
from watcher.client.calling import Call, curl
from watcher.client.predicting import Rows, ask
from watcher.client.reach import reach_of_model
from watcher.core.types import ModelId


@dataclass(frozen=True, slots=True)
class Served:
    """A pushed model. `url` is "" if it was not waited for."""

    namespace: str
    name: str
    version: str
    url: str
    source: str
    """The URL of the file in the bucket."""
    call: Call | None = None

    def predict(self, rows: Any) -> Any:
        """Return the model's predictions for a DataFrame, an array, or lists of rows, as an array.

        Raises:
            Error: the model refuses the rows, or does not answer.

        """
        return _array(self._ask(rows, "/predict")["predictions"])

    def predict_proba(self, rows: Any) -> Any:
        """Return the probabilities of the classes, as an array.

        Raises:
            Error: as `predict`.

        """
        return _array(self._ask(rows, "/predict_proba")["probabilities"])

    def transform(self, rows: Any) -> Any:
        """Return what a transformer makes of the rows, as an array.

        Raises:
            Error: as `predict`.

        """
        return _array(self._ask(rows, "/transform")["transformed"])

    def _ask(self, rows: Any, path: str) -> Mapping[str, Any]:
        with one_sentence():
            return ask(reach_of_model(ModelId(self.namespace, self.name), self.url), Rows(rows_of(rows)), path)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        url = html.escape(self.url)
        link = f'<a href="{url}/docs">{url}</a>' if url else "not waited for"
        command = f"<pre>{html.escape(curl(self.url, self.call))}</pre>" if self.url and self.call else ""
        title = html.escape(f"{self.namespace}/{self.name} {self.version}")
        return f"<div><strong>{title}</strong> {link}{command}</div>"


def _array(values: Any) -> Any:
    """Return the values as NumPy has them; as a list where it is not installed."""
    try:
        import numpy as np  # noqa: PLC0415 - a client of the HTTP API may have no NumPy
    except ImportError:
        return values
    return np.asarray(values)
