"""KubeServe from a notebook or a script.

import kubeserve
iris = kubeserve.push(model, name="iris", example=X[:5])
iris.predict(X)
"""

from __future__ import annotations

from kubeserve.errors import Error
from kubeserve.pushing import push
from kubeserve.served import Served

__all__ = ["Error", "Served", "push"]
