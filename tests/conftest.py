"""Hypothesis, for all tests: no deadline, since tests run on busy machines. `tests/examples.py` has the profiles."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
