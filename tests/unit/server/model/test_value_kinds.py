"""The kinds of values."""

from __future__ import annotations

from typing import Any

import pytest

from server.model.value_kinds import invented_value, kind_of_values
from server.schema import Kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], Kind.INTEGER),
        ([1, 2.5], Kind.NUMBER),
        (["x", None], Kind.STRING),
        ([True, False], Kind.BOOLEAN),
        ([None], Kind.ANY),
        (["x", 1], Kind.ANY),
        ([True, "x"], Kind.ANY),
    ],
)
def test_kind_of_values_is_what_all_that_are_present_have(values: list[Any], kind: Kind) -> None:
    assert kind_of_values(values) is kind


def test_invented_value_has_the_kind_that_it_is_invented_for() -> None:
    kinds = (Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.STRING)
    assert tuple(kind_of_values([invented_value(kind)]) for kind in kinds) == kinds
