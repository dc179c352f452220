"""The second look at the model, made once, when the first person asks: away from the event loop and the predictions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from server.errors import InputError, ModelError, Overloaded
from server.inference.predictor import Predictor
from server.model.loader import LoadedModel
from server.model.probe_rows import example_input
from server.schema import Schema

if TYPE_CHECKING:
    from server.model.study import Study

MAX_WAITING = 8
"""Explanations that are computed or wait, each for one request; others get 503. They run next to the predictions."""


class SecondLook:
    """The study of the model that is served, and its schema with a usual example."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._made: asyncio.Task[tuple[Study, Schema]] | None = None
        self._waiting = 0

    async def look(self, model: LoadedModel) -> tuple[Study, Schema]:
        """Return both; all who ask meanwhile wait for the same look. One that failed is made again."""
        if self._made is None or (self._made.done() and self._made.exception()):
            self._made = asyncio.create_task(self._look(model))
        return await asyncio.shield(self._made)

    async def _look(self, model: LoadedModel) -> tuple[Study, Schema]:
        from server.model.study import study_model  # noqa: PLC0415 - most servers are never looked at

        study = await asyncio.to_thread(study_model, model, self._predictor.path, self._predictor.allowed)
        return study, await self._with_example(model.schema, study.row)

    async def _with_example(self, schema: Schema, row: tuple[Any, ...]) -> Schema:
        """Return the schema with this example and the model's answers to it; as it is if the model refuses the row."""
        changed = replace(schema, example_row=row)
        if row == schema.example_row:
            return schema
        try:
            X = example_input(changed)
            answers = {name: await self._predictor.answer(X, name) for name in schema.example_answers}
        except (InputError, ModelError, Overloaded):
            return schema
        return replace(changed, example_answers=answers)

    async def __aenter__(self) -> None:
        """Take a place among those that wait. Raise Overloaded if there is none."""
        if self._waiting >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} explanations are being computed; try again", 1)
        self._waiting += 1

    async def __aexit__(self, *_: object) -> None:
        """Give the place back."""
        self._waiting -= 1
