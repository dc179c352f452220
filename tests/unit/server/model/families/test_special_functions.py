"""The functions of SciPy that are written anew have its very bits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from server.model.families.special_functions import box_cox, logarithms, normal_quantiles
from tests.unit.server.model.families.equality import same

RNG = np.random.default_rng(0)
USUAL, HUGE = 10.0 ** RNG.uniform(-2, 2, 20_000), 10.0 ** RNG.uniform(-307, 308, 20_000)
ODD = np.array([np.nan, np.inf, 1.0, 5e-324, 1.7e308])


def test_normal_quantiles_are_those_of_scipy() -> None:
    small = 10.0 ** RNG.uniform(-320, 0, 20_000)
    odd = np.array([0.0, -0.0, 1.0, 0.5, np.nextafter(0.5, 1), -1.0, 2.0, np.nan, np.inf])
    for probabilities in (RNG.random(50_000), small, 1 - small, odd, odd[:0]):
        assert same(stats.norm.ppf(probabilities), normal_quantiles(probabilities))


@pytest.mark.parametrize("power", [0, 1e-20, -1e-18, 1e-5, 0.3, -0.4, 2, -3, 50, -80, 1e4, -1e4, 1e300, -1e300])
def test_box_cox_is_that_of_scipy(power: float) -> None:
    values = np.concatenate([USUAL, HUGE, ODD])
    with np.errstate(all="ignore"):
        assert same(special.boxcox(values, power), box_cox(values, power))


def test_logarithms_are_those_of_the_c_library() -> None:
    assert same(special.boxcox(HUGE, 0.0), logarithms(HUGE))
