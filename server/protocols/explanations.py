"""`POST /explain`: `{"data": [[…]]}` → for each row its prediction, and what moved it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from server.errors import InputError
from server.inputs.value_count import MAX_VALUES
from server.model.explanation.explainer import Explainer, Explanation
from server.model.probe_rows import example_input
from server.protocols import kubeserve
from server.protocols.json_answer import encode_json, json_ready
from server.schema import Schema

MAX_ROWS = 100
"""Rows of one request: some milliseconds each."""


def read_data(body: bytes, schema: Schema, max_values: int = MAX_VALUES) -> tuple[Any, Any]:
    """Return the body's `data` twice: as the model takes it, and as its parts do.

    Raises:
        InputError: names the problem and its place, or there are too many rows.
        TooLargeError: there are more than `max_values` values.

    """
    X = kubeserve.read_data(body, schema, max_values)
    if len(X) > MAX_ROWS:
        raise InputError(f"data has {len(X)} rows; send at most {MAX_ROWS} rows to /explain")
    return X, kubeserve.read_data(body, replace(schema, named_table=True), max_values)


def explanations(explainer: Explainer, X: Any, labels: Sequence[Any]) -> list[Explanation]:
    """Return what moved each of the answers `labels` to the rows of X.

    Raises:
        InputError: it is not known; the message says why.

    """
    return [explainer.explain(X, row, label) for row, label in enumerate(labels)]


def example_of(explainer: Explainer, schema: Schema) -> Any:
    """Return the answer to the schema's example row; None where it cannot be explained."""
    answer = schema.example_answers.get("predict")
    if answer is None:
        return None
    labels = json_ready(answer)
    X = example_input(replace(schema, named_table=True))
    try:
        found = explanations(explainer, X, list(labels))
    except InputError:
        return None
    return orjson.loads(encode_explanations(explainer, labels, found))


def encode_explanations(explainer: Explainer, labels: Sequence[Any], found: Sequence[Explanation]) -> bytes:
    """Return the answer: predictions as `/predict` gives them, and an explanation of each."""
    return encode_json(
        {
            "predictions": labels,
            "method": explainer.method,
            "meaning": explainer.meaning,
            "explanations": [
                {
                    "of": each.of,
                    **({} if each.label is None else {"class": each.label}),
                    "score": each.score,
                    "base": each.base,
                    "contributions": each.contributions,
                    "others": {"count": each.unlisted, "contribution": each.others},
                }
                for each in found
            ],
        }
    )
