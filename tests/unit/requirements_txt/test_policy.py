from __future__ import annotations

import pytest

from requirements_txt.parsing import RequirementsError
from requirements_txt.policy import read

HASH = "--hash=sha256:" + "a" * 64


def test_read_allows_packages_of_any_version_by_default() -> None:
    assert [item.name for item in read(b"pandas\nnumpy>=2\n", "allow")] == ["pandas", "numpy"]


@pytest.mark.parametrize("line", ["x", "x==1", "x>=1 " + HASH, "x==1.* " + HASH, "x==1,!=2 " + HASH])
@pytest.mark.parametrize("marker", ["", "; python_version < '3'"])
def test_read_hashed_needs_an_exact_version_and_a_hash_in_each_line_whatever_its_marker(line: str, marker: str) -> None:
    package, _, digest = line.partition(" ")
    text = f"# one\ny==1 {HASH}\n{package}{marker} {digest}\n"
    sentence = (
        r"requirements.txt, line 3 \(x\): an exact version and a --hash are needed .*download.requirements: hashed"
    )
    with pytest.raises(RequirementsError, match=sentence):
        read(text.encode(), "hashed")


def test_read_hashed_permits_a_compiled_file() -> None:
    text = f"x==1 \\\n    {HASH}\nold==2; python_version < '3' \\\n    {HASH}\n"
    assert [(item.name, item.applies) for item in read(text.encode(), "hashed")] == [("x", True), ("old", False)]


@pytest.mark.parametrize("policy", ["allow", "hashed"])
def test_read_refuses_what_is_no_package_under_each_policy(policy: str) -> None:
    with pytest.raises(RequirementsError, match=r"requirements.txt, line 1: options are not allowed"):
        read(b"--index-url http://evil.example\n", policy)


@pytest.mark.parametrize("data", [b"", b"x\n", b"-r /etc/passwd"])
def test_read_off_permits_no_file_at_all(data: bytes) -> None:
    with pytest.raises(RequirementsError, match=r"requirements.txt is not permitted .*download.requirements: off"):
        read(data, "off")
