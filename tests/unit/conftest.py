"""One thread for BLAS and OpenMP, as in a pod with one CPU: more would only compete for the cores of a busy machine.

This must come before NumPy is imported, so before any test module.
"""

from server.cpu_limit import limit_threads

limit_threads(1)
