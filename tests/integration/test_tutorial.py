"""docs/tutorial.md, typed into a real terminal: it says what its commands print."""

from __future__ import annotations

from pathlib import Path

from tests.transcript import BLOCK, Command, Enough, commands, masked, recorded

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


def printed(document: str) -> list[tuple[str, list[str]]]:
    """Return each command with what of its output is the same each time."""
    found = [command for block in BLOCK.findall(document) for command in commands(block)]
    return [(command.text, masked(command.output)) for command in found]


def as_documented(command: Command) -> Enough:
    return lambda output: masked(output) == masked(command.output)


def test_tutorial_is_what_its_commands_print() -> None:
    document = TUTORIAL.read_text()
    assert printed(recorded(document, as_documented)) == printed(document)
