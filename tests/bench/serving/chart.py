"""docs/performance.svg: horizontal bars, one panel for each model. Pure. Rectangles do not need a library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.bench.serving.figures import Case, Measured
from tests.bench.serving.goals import described
from tests.bench.serving.servers import OURS, Server

WIDTH, LABELS, BAR, GAP, TITLE = 760, 150, 16, 6, 34
_COLOURS = {True: "#1f77b4", False: "#b0b7bf"}


def chart(measured: Measured, servers: Sequence[Server], cases: Sequence[Case]) -> str:
    """Return an SVG with one panel for each case. A server without a figure has a note instead of a bar."""
    parts, top = [], 0
    for case in cases:
        parts.append(_panel(measured, servers, case, top))
        top += _height(servers)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    body = "\n".join(parts)
    page = '<rect width="100%" height="100%" fill="white"/>'
    return f'{head} font-family="sans-serif" font-size="12">\n{page}\n{body}\n</svg>\n'


def _height(servers: Sequence[Server]) -> int:
    return TITLE + len(servers) * (BAR + GAP) + GAP


def _panel(measured: Measured, servers: Sequence[Server], case: Case, top: int) -> str:
    rates = {server.name: _rate(measured, case, server.name) for server in servers}
    largest = max((rate for rate in rates.values() if rate), default=1.0)
    title = f"Requests/s: {described(case)}"
    lines = [f'<text x="8" y="{top + 22}" font-size="14" font-weight="bold">{escape(title)}</text>']
    for index, (name, rate) in enumerate(rates.items()):
        lines.append(_bar(name, rate, largest, top + TITLE + index * (BAR + GAP)))
    return "\n".join(lines)


def _rate(measured: Measured, case: Case, server: str) -> float | None:
    found = measured.figure(case, server)
    return found.rate if found and not found.failure else None


def _bar(name: str, rate: float | None, largest: float, top: int) -> str:
    width = (WIDTH - LABELS - 90) * (rate or 0) / largest
    text = "not measured" if rate is None else f"{rate:,.0f}"
    middle = top + BAR - 4
    label = f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>'
    bar = f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{_COLOURS[name == OURS.name]}"/>'
    return f'{label}\n{bar}\n<text x="{LABELS + width + 6:.1f}" y="{middle}">{text}</text>'
