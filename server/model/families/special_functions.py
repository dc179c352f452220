"""Functions of SciPy whose compiled file does not load alone, from those that it is made of.

Both call the C library's logarithm, which NumPy's own differs from in last bits. Source: scipy/special/_boxcox.pxd, and
Cephes' ndtri.c, whose rational approximations these coefficients are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from server.model.pickledata.compiled import XLOGY

# ---- the quantiles of a normal distribution

TAIL = 0.13533528323661269189
"""Probability, exp(-2). Between it and 1 - it is the middle."""

FAR = 8.0
"""From this square root on, of -2 · log(probability), the tail has another approximation."""

ROOT = 2.50662827463100050242
"""The square root of 2 π."""

MIDDLE = (
    (
        *(-5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1, 1.39312609387279679503e1),
        -1.23916583867381258016e0,
    ),
    (
        *(1.0, 1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1, -2.25462687854119370527e2),
        *(2.00260212380060660359e2, -8.20372256168333339912e1, 1.59056225126211695515e1, -1.18331621121330003142e0),
    ),
)
NEAR_TAIL = (
    (
        *(4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1, 4.40805073893200834700e1),
        *(1.46849561928858024014e1, 2.18663306850790267539e0, -1.40256079171354495875e-1, -3.50424626827848203418e-2),
        -8.57456785154685413611e-4,
    ),
    (
        *(1.0, 1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1, 1.50425385692907503408e1),
        *(2.50464946208309415979e0, -1.42182922854787788574e-1, -3.80806407691578277194e-2, -9.33259480895457427372e-4),
    ),
)
FAR_TAIL = (
    (
        *(3.23774891776946035970e0, 6.91522889068984211695e0, 3.93881025292474443415e0, 1.33303460815807542389e0),
        *(2.01485389549179081538e-1, 1.23716634817820021358e-2, 3.01581553508235416007e-4, 2.65806974686737550832e-6),
        6.23974539184983293730e-9,
    ),
    (
        *(1.0, 6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0, 2.16236993594496635890e-1),
        *(1.34204006088543189037e-2, 3.28014464682127739104e-4, 2.89247864745380683936e-6, 6.79019408009981274425e-9),
    ),
)
"""Each a numerator and a denominator, the highest power first."""


def normal_quantiles(probabilities: Any) -> Any:
    """Return the standard normal quantiles of a vector of probabilities, as `scipy.stats.norm.ppf` does."""
    found = np.full(len(probabilities), np.nan)
    found[probabilities == 0] = -np.inf
    found[probabilities == 1] = np.inf
    inside = (probabilities > 0) & (probabilities < 1)
    found[inside] = _inside(probabilities[inside])
    return found


def _inside(probabilities: Any) -> Any:
    upper = probabilities > 1.0 - TAIL
    sides = np.where(upper, 1.0 - probabilities, probabilities)
    in_middle = sides > TAIL
    found = np.empty(len(sides))
    offsets = sides[in_middle] - 0.5
    squares = offsets * offsets
    found[in_middle] = (offsets + offsets * _approximation(squares, MIDDLE)) * ROOT
    in_tail = ~in_middle
    roots = np.sqrt(-2.0 * logarithms(sides[in_tail]))
    inverses = 1.0 / roots
    near, far = _approximation(inverses, NEAR_TAIL), _approximation(inverses, FAR_TAIL)
    correction = np.where(roots < FAR, near, far)
    distances = roots - logarithms(roots) / roots - correction
    found[in_tail] = np.where(upper[in_tail], distances, -distances)
    return found


def _approximation(x: Any, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    numerator, denominator = coefficients
    return x * _polynomial(x, numerator) / _polynomial(x, denominator)


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    first, *others = coefficients
    found = np.full(len(x), first)
    for each in others:
        found = found * x + each
    return found


# ---- powers

LARGEST_EXPONENT = 709.78
SMALLEST_POWER = 1e-19


def box_cox(values: Any, power: float) -> Any:
    """Return (values ** power - 1) / power of a vector, the logarithms for a power of zero."""
    logs = logarithms(values)
    if abs(power) < SMALLEST_POWER:
        return logs
    return np.array([_raised(exponent, power) for exponent in (power * logs).tolist()])


def _raised(exponent: float, power: float) -> float:
    if exponent < LARGEST_EXPONENT:
        return math.expm1(exponent) / power
    try:
        return math.copysign(1.0, power) * math.exp(exponent - math.log(abs(power))) - 1.0 / power
    except OverflowError:
        return math.copysign(math.inf, power)


def logarithms(values: Any) -> Any:
    """Return the natural logarithms as the C library computes them."""
    return XLOGY(1.0, values)
