"""The limits of one server's connections."""

from __future__ import annotations

from dataclasses import dataclass

RESERVE = 32
"""Connections beyond the limit, for health checks."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds, rates in bytes a second."""

    head_seconds: float = 10.0
    """For a head to arrive, from its first byte to its blank line."""
    body_seconds: float = 60.0
    """For a body to arrive, or to fall behind `least_rate`."""
    answer_seconds: float = 60.0
    """For a client to read an answer, or to fall behind `least_rate`."""
    least_rate: float = 64 * 1024
    """Bytes a second at which a transfer may last as long as it needs."""
    connections: int = 1000
    """Open at the same time, without the reserve."""
