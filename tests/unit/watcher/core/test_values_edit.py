from __future__ import annotations

from typing import Any

import pytest

from watcher.core.values_edit import edited
from watcher.errors import Rejected

ANNS = """\
# Ann's model
version: "v1"  # since the audit
# more since March
deployment:
  replicas: 3 # three
"""


def changed(text: str, **changes: Any) -> str:
    return edited(text.encode(), changes).decode()


def test_a_value_is_replaced_in_its_place_and_nothing_else_changes() -> None:
    assert changed(ANNS, version="v2") == ANNS.replace('"v1"', '"v2"')


def test_a_key_is_removed_with_its_line_and_the_comments_around_it_stay() -> None:
    assert changed(ANNS, version=None) == "# Ann's model\n# more since March\ndeployment:\n  replicas: 3 # three\n"


def test_a_new_key_goes_to_the_end() -> None:
    assert changed(ANNS, paused=True) == f"{ANNS}paused: true\n"
    assert changed("a: 1", paused=True) == "a: 1\npaused: true\n"
    assert changed("  a: 1\n  b: 2\n", paused=True) == "  a: 1\n  b: 2\n  paused: true\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'version: "1.10"\n'),
        ("# nothing yet", '# nothing yet\nversion: "1.10"\n'),
        ("---\n# a\n", '---\n# a\nversion: "1.10"\n'),
        ("---\na: 1\n", '---\na: 1\nversion: "1.10"\n'),
        ("\ufeffa: 1\r\n", 'a: 1\r\nversion: "1.10"\n'),
        ("{}", '{version: "1.10"}'),
        ("{a: 1}\n", '{version: "1.10", a: 1}\n'),
        ("{version: v1, a: 1}", '{version: "1.10", a: 1}'),
        ("version: v1 # why", 'version: "1.10" # why'),
    ],
)
def test_a_version_is_set_as_text_in_every_form(text: str, expected: str) -> None:
    assert changed(text, version="1.10") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a: 1\n", "a: 1\n"),
        ("paused: true", ""),
        ("a: 1\npaused: true", "a: 1\n"),
        ("paused: true\n# end\n", "# end\n"),
        ("{paused: true}", "{}"),
        ("{paused: true, a: 1}", "{a: 1}"),
        ("{a: 1, paused: true}", "{a: 1}"),
        ("{a: 1, paused: true, b: 2}", "{a: 1, b: 2}"),
    ],
)
def test_a_key_is_removed_in_every_form(text: str, expected: str) -> None:
    assert changed(text, paused=None) == expected


@pytest.mark.parametrize("text", ["- a", "a: [", "a: 1\na: 2", "a: !t b"])
def test_a_file_that_the_watcher_would_refuse_is_refused_as_it_is(text: str) -> None:
    with pytest.raises(Rejected):
        changed(text, paused=True)


@pytest.mark.parametrize("text", ["a: 1\n...\n", "version: |\n  v1\na: 1\n"])
def test_a_form_that_would_break_is_left_to_its_author(text: str) -> None:
    with pytest.raises(Rejected, match="its form cannot be edited here: change version by hand"):
        changed(text, version="1.10")


@pytest.mark.parametrize(
    ("text", "replaced", "removed"),
    [
        ("canary: {version: v2, weight: 9}  # ten\nb: 1\n", 'canary: {"weight": 0}  # ten\nb: 1\n', "b: 1\n"),
        (
            "a: 1\ncanary:\n  version: v2\n  weight: 9 # ten\n# of b\nb: 1\n",
            'a: 1\ncanary:\n  {"weight": 0} # ten\n# of b\nb: 1\n',
            "a: 1\n# of b\nb: 1\n",
        ),
        ("canary:\n  weight: 9", 'canary:\n  {"weight": 0}', ""),
    ],
)
def test_a_map_is_replaced_and_removed_in_either_form(text: str, replaced: str, removed: str) -> None:
    assert changed(text, canary={"weight": 0}) == replaced
    assert changed(text, canary=None) == removed
