"""The columns of LightGBM's categories, by the text of its model. The library itself is not needed."""

from __future__ import annotations

import pytest

from server.model.families.lightgbm_text import MAX_COMBINATIONS, positions_of_categories

CITIES, GRADES, SIZES = ["Bern", "Oslo", "Rome"], [1, 2, 3, 4], ["S", "M"]


def model_text(infos: str, declared: str = "") -> str:
    lines = ["tree", f"feature_infos={infos}", "parameters:"]
    return "\n".join([*lines, *([f"[categorical_feature: {declared}]"] if declared else []), "end"])


@pytest.mark.parametrize(
    ("infos", "declared", "categories", "expected"),
    [
        ("[18:79] -1:0:1:2 [0:1]", "1", [CITIES], [1]),
        ("[18:79] -1:0:1:2 [0:1]", "1", [CITIES, SIZES], [1, 2]),
        ("[0:1] -1:0:1:2 [0.5:1] none", "1", [SIZES, CITIES], [0, 1]),
        ("[18:79] [0:2] [0:3] [0:1]", "", [CITIES, GRADES, SIZES], [1, 2, 3]),
        ("[0:1] [0:2] -1:2:1", "2", [CITIES, SIZES], [1, 2]),
    ],
)
def test_positions_of_categories_of_lightgbm_are_declared_or_found_by_the_range_of_codes(
    infos: str, declared: str, categories: list[list[str]], expected: list[int]
) -> None:
    assert positions_of_categories(model_text(infos, declared), categories) == expected


@pytest.mark.parametrize(
    ("infos", "declared", "categories"),
    [
        ("[0:1] [0:1] -1:2:1", "2", [SIZES, CITIES]),
        ("[0:1] -1:2:1", "1", [CITIES, GRADES]),
        ("-1:2:1 -1:0:1", "0,1", [CITIES]),
        ("[18:79]", "", [CITIES]),
        (" ".join(["[0:1]"] * 1000), "", [SIZES] * 2),
    ],
    ids=["two columns fit", "none fits", "more declared than lists", "no codes", "too many choices"],
)
def test_positions_of_categories_of_lightgbm_that_cannot_be_told_are_none(
    infos: str, declared: str, categories: list[list[str]]
) -> None:
    assert MAX_COMBINATIONS < 1000 * 999 / 2
    assert positions_of_categories(model_text(infos, declared), categories) is None
