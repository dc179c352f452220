from __future__ import annotations

from typing import Any

import pytest

from watcher.errors import Retryable
from watcher.runtimes.kubernetes.network_policies import AGAIN_SECONDS, NetworkPolicies

POLICIES: Any = [{"kind": "NetworkPolicy", "metadata": {"name": name}, "spec": {}} for name in ("models", "install")]


class FakeObjects:
    """Records what is applied, and fails on request."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, str]] = []
        self.fails = False

    def apply(self, manifest: Any) -> None:
        if self.fails:
            raise Retryable("ApiUnreachable", "no answer")
        self.applied.append((manifest["metadata"]["namespace"], manifest["metadata"]["name"]))


def test_policies_are_written_once_into_each_namespace_and_again_after_a_while() -> None:
    objects, clock = FakeObjects(), [0.0]
    policies = NetworkPolicies(objects, POLICIES, lambda: clock[0])  # type: ignore[arg-type]
    for namespace in ("a", "b", "a"):
        policies.write(namespace)
    both = [("a", "models"), ("a", "install"), ("b", "models"), ("b", "install")]
    assert objects.applied == both
    clock[0] = AGAIN_SECONDS
    policies.write("a")
    assert objects.applied == [*both, *both[:2]]


def test_policies_that_could_not_be_written_are_tried_again_at_the_next_write() -> None:
    objects = FakeObjects()
    policies = NetworkPolicies(objects, POLICIES)  # type: ignore[arg-type]
    objects.fails = True
    with pytest.raises(Retryable):
        policies.write("a")
    objects.fails = False
    policies.write("a")
    assert objects.applied == [("a", "models"), ("a", "install")]


def test_without_policies_nothing_is_written() -> None:
    objects = FakeObjects()
    NetworkPolicies(objects, ()).write("a")  # type: ignore[arg-type]
    assert objects.applied == []
