"""For all tests: Hypothesis without a deadline, since tests run on busy machines, and a SIGINT that interrupts.

`tests/examples.py` has Hypothesis' other profiles.
"""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# A shell starts a job in the background with SIGINT ignored, and so would each process that a test starts: those that a
# test interrupts would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)
