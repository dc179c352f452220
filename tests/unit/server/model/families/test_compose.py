"""Pipelines and unions as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, Normalizer, StandardScaler

from server.model.families.base import Unsuited
from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_unknown_with,
    hostile_matrices,
)

SCALED, LIMITED = ("scaled", StandardScaler()), ("limited", MinMaxScaler())
MODELS: dict[str, tuple[Any, str]] = {
    "classifier": (make_pipeline(StandardScaler(), LogisticRegression()), "three"),
    "classifier of two": (make_pipeline(MinMaxScaler(), StandardScaler(), LogisticRegression()), "two"),
    "regressor": (make_pipeline(StandardScaler(), LinearRegression()), "number"),
    "transformers": (make_pipeline(StandardScaler(), MaxAbsScaler()), "number"),
    "one step": (make_pipeline(LogisticRegression()), "three"),
    "nothing first": (make_pipeline("passthrough", None, StandardScaler(), LinearRegression()), "number"),
    "nothing between": (make_pipeline(StandardScaler(), FunctionTransformer(), LinearRegression()), "number"),
    "nothing last": (make_pipeline(StandardScaler(), "passthrough"), "number"),
    "pipeline in a pipeline": (
        make_pipeline(make_pipeline(StandardScaler(), MaxAbsScaler()), LinearRegression()),
        "numbers",
    ),
    "union": (FeatureUnion([SCALED, LIMITED]), "number"),
    "union of one": (FeatureUnion([SCALED]), "number"),
    "union with weights": (
        FeatureUnion([SCALED, LIMITED], transformer_weights={"limited": 3, "scaled": 0.1}),
        "number",
    ),
    "union with a weight": (FeatureUnion([SCALED, LIMITED], transformer_weights={"limited": np.float64(3)}), "number"),
    "union of less and of all": (
        FeatureUnion([SCALED, ("none", "drop"), ("all", "passthrough"), LIMITED], transformer_weights={"none": 3}),
        "number",
    ),
    "pipeline of a union": (
        make_pipeline(FeatureUnion([SCALED, ("all", "passthrough"), LIMITED]), StandardScaler(), LogisticRegression()),
        "three",
    ),
    "union of pipelines": (
        FeatureUnion([("a", make_pipeline(StandardScaler(), Normalizer())), ("b", make_pipeline(MaxAbsScaler()))]),
        "number",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_composition_gives_the_answers_of_scikit_learn(name: str) -> None:
    estimator, target = MODELS[name]
    assert_equal_to(estimator.fit(X, np.asarray(TARGETS[target])), list(hostile_matrices(X)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_composition_of_a_data_frame_gives_the_answers_of_scikit_learn(name: str) -> None:
    estimator, target = MODELS[name]
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["c"] = np.arange(len(X))
    estimator.fit(frame, np.asarray(TARGETS[target]))
    part = part_of(estimator)
    assert part.names in {tuple("abcde"), ()}
    assert part.width == 5
    assert_equal_to(estimator, [frame, frame[:1], frame[3:9]], part)


def test_direct_pipeline_leaves_values_beyond_the_range_of_floats_to_the_complete_method() -> None:
    part = part_of(make_pipeline(MaxAbsScaler(), LinearRegression()).fit(X / 1e5, TARGETS["number"]))
    huge = np.full((1, X.shape[1]), 1e306)
    with pytest.raises(Unsuited), np.errstate(all="ignore"):
        part.direct["predict"](huge)
    with pytest.raises(ValueError, match="infinity"), np.errstate(all="ignore"):
        part.methods["predict"](huge)


def test_pipeline_whose_steps_do_not_fit_together_refuses_every_row() -> None:
    model = make_pipeline(FeatureUnion([SCALED, LIMITED]), LinearRegression()).fit(X, TARGETS["number"])
    model.steps[0][1].transformer_list = model.steps[0][1].transformer_list[:1]
    part = part_of(model)
    assert_equal_to(model, [X], part)
    with pytest.raises(Unsuited):
        part.direct["predict"](X)


def test_part_of_a_pipeline_is_row_independent_if_all_steps_are() -> None:
    independent = make_pipeline(StandardScaler(), MinMaxScaler()).fit(X)
    assert part_of(independent).row_independent
    assert not part_of(make_pipeline(StandardScaler(), LinearRegression()).fit(X, TARGETS["number"])).row_independent
    assert part_of(FeatureUnion([SCALED, LIMITED]).fit(X)).row_independent


PIPELINE = make_pipeline(StandardScaler(), LinearRegression()).fit(X, TARGETS["number"])
UNION = FeatureUnion([SCALED, LIMITED]).fit(X)
SCALER, LINE = PIPELINE[0], PIPELINE[1]
NARROW = StandardScaler().fit(X[:, 1:])


@pytest.mark.parametrize(
    ("estimator", "changes"),
    [
        (PIPELINE, {"transform_input": ["x"]}),
        (PIPELINE, {"steps": []}),
        (PIPELINE, {"steps": REMOVED}),
        (PIPELINE, {"steps": [("a", "passthrough")]}),
        (PIPELINE, {"steps": [("a", LINE), ("b", LINE)]}),
        (PIPELINE, {"steps": [("a", SCALER), ("a", LINE)]}),
        (PIPELINE, {"steps": [("a", SCALER, 1), ("b", LINE)]}),
        (PIPELINE, {"steps": [("a", SCALER), LINE]}),
        (PIPELINE, {"steps": [(1, SCALER), ("b", LINE)]}),
        (PIPELINE, {"steps": [("a", "through"), ("b", LINE)]}),
        (PIPELINE, {"another": 1}),
        (UNION, {"transformer_list": []}),
        (UNION, {"transformer_list": [("a", "drop")]}),
        (UNION, {"transformer_list": [("a", SCALER), ("b", NARROW)]}),
        (UNION, {"transformer_list": [("a", SCALER), ("b", LINE)]}),
        (UNION, {"transformer_weights": {"another": 1}}),
        (UNION, {"transformer_weights": {"scaled": "1"}}),
        (UNION, {"transformer_weights": [1, 2]}),
    ],
)
def test_part_of_a_composition_with_another_state_is_unknown(estimator: Any, changes: Any) -> None:
    assert_unknown_with(estimator, **changes)


def test_function_transformer_that_checks_or_computes_is_not_taken_for_one_that_does_nothing() -> None:
    for step in (FunctionTransformer(np.log1p), FunctionTransformer(validate=True)):
        record = as_record(Pipeline([("a", step), ("b", LinearRegression())]).fit(abs(X), TARGETS["number"]))
        try:
            part = part_of(record)
        except Unknown:
            continue
        assert (
            part.methods["predict"](abs(X)).tobytes()
            == record.state["steps"][1][1].predict(step.transform(abs(X))).tobytes()
        )
