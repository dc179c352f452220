"""Transformers whose settings are not known are left to scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler

from server.model.direct.registry import family_of
from tests.unit.server.fitted_models import X


@pytest.mark.parametrize(
    "step", [MaxAbsScaler(clip=True), SimpleImputer(add_indicator=True), SimpleImputer(missing_values=0.0)]
)
def test_transform_with_an_unknown_setting_is_none(step: Any) -> None:
    fitted = step.fit(X)
    assert family_of(fitted).transform(fitted) is None


def test_transform_of_a_clipping_scaler_clips() -> None:
    fitted = MinMaxScaler(clip=True).fit(X)
    transform = family_of(fitted).transform(fitted)
    assert transform
    np.testing.assert_array_equal(transform(X * 100), fitted.transform(X * 100))
