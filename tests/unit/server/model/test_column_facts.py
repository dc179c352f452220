"""What models of LightGBM and XGBoost that were read as data say of their columns."""

from __future__ import annotations

from typing import Any

import pytest

from server.model.column_facts import NUMBER, ColumnFacts, facts_of, is_known
from server.model.families.registry import part_of
from server.model.fitted_parts import Part
from server.model.introspection import inspect_estimator
from server.model.pickledata.records import Record
from server.model.recorded_estimator import RecordedEstimator
from server.schema import InputForm, Kind
from tests.unit.server.model.families import test_lightgbm as lightgbm
from tests.unit.server.model.families import test_xgboost as xgboost

CITIES = ColumnFacts(Kind.STRING, "category", ("Bern", "Oslo", "Rome"), "Bern")
OF_CITIES = {
    "lightgbm": lightgbm.record(lightgbm.OF_CITIES, categories=lightgbm.CITIES, _fitted_with_feature_names=True),
    "xgboost": xgboost.record(xgboost.of_cities()),
}
OF_NUMBERS = {"lightgbm": lightgbm.record(), "xgboost": xgboost.record(xgboost.model())}


@pytest.mark.parametrize("library", OF_CITIES)
def test_facts_of_a_record_have_its_categories(library: str) -> None:
    part = Part(RecordedEstimator(OF_CITIES[library]), (3, 5))
    assert is_known(part)
    assert facts_of(part) == {3: CITIES, 5: NUMBER}


@pytest.mark.parametrize("library", OF_NUMBERS)
def test_facts_of_a_record_without_categories_are_numbers(library: str) -> None:
    part = Part(RecordedEstimator(OF_NUMBERS[library]), (0, 1))
    assert is_known(part)
    assert facts_of(part) == {0: NUMBER, 1: NUMBER}


def schema(record: Record) -> Any:
    return inspect_estimator(RecordedEstimator(record, part_of(record)))


@pytest.mark.parametrize("library", OF_CITIES)
def test_schema_of_a_record_asks_for_a_table_of_categories(library: str) -> None:
    found = schema(OF_CITIES[library])
    assert (found.form, found.features, found.dtypes) == (InputForm.DATAFRAME, 2, ("category", ""))
    assert found.categories == (("Bern", "Oslo", "Rome"), ())
    assert found.example_row == ("Bern", 0.0)


@pytest.mark.parametrize("library", OF_NUMBERS)
def test_schema_of_a_record_without_categories_asks_for_a_matrix(library: str) -> None:
    found = schema(OF_NUMBERS[library])
    assert (found.form, found.features, found.categories) == (InputForm.MATRIX, 2, ())
