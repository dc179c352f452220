"""Hypothesis, for every test: this project's tests run on noisy machines, and none asserts on time."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
