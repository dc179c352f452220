"""Pipelines of sparse rows give the answers of scikit-learn, and are unknown where a part takes none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, OneHotEncoder, StandardScaler

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown
from tests.unit.server.model.families.equality import assert_equal_to
from tests.unit.server.model.families.test_encoders import TARGETS, WORDS

ENCODER = OneHotEncoder(handle_unknown="ignore")
KNOWN = {
    "scaled": make_pipeline(ENCODER, MaxAbsScaler(), LogisticRegression()),
    "selected": make_pipeline(ENCODER, Normalizer(), SelectKBest(k=5), LogisticRegression()),
    "inside": make_pipeline(
        make_pipeline(ENCODER, MaxAbsScaler()), make_pipeline(MaxAbsScaler(), Normalizer("l1")), LogisticRegression()
    ),
    "last": make_pipeline(ENCODER, StandardScaler(with_mean=False)),
}
UNKNOWN = {
    "directly": make_pipeline(ENCODER, SimpleImputer()),
    "scaled": make_pipeline(ENCODER, MaxAbsScaler(), SimpleImputer()),
    "inside": make_pipeline(make_pipeline(ENCODER, MaxAbsScaler()), SimpleImputer()),
    "in the part after": make_pipeline(ENCODER, make_pipeline(MaxAbsScaler(), SimpleImputer())),
}


def fitted(pipeline: Pipeline) -> Any:
    return pipeline.fit(WORDS, TARGETS["multiclass"])


@pytest.mark.parametrize("name", KNOWN)
def test_pipeline_of_sparse_rows_gives_the_answers_of_scikit_learn(name: str) -> None:
    unknown = np.array([["violet", "no", "city 3"], ["x", "y", "z"]], object)
    assert_equal_to(fitted(KNOWN[name]), [WORDS, WORDS[:1], unknown, unknown[1:]])


@pytest.mark.parametrize("name", UNKNOWN)
def test_pipeline_with_sparse_rows_for_a_part_that_takes_none_is_unknown(name: str) -> None:
    with pytest.raises(Unknown, match="sparse rows"):
        part_of(fitted(UNKNOWN[name]))
