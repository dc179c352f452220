from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from requirements_txt.parsing import parse
from server.download.disk import Disk
from server.errors import ModelError, VersionError
from server.install.installer import Index, cause_of, command, environment, install, run_pip

DUMP = "import os, sys; print(sorted(os.environ), sys.stdin.read(), flush=True); sys.exit(3)"


def test_environment_of_pip_is_an_allow_list_without_keys() -> None:
    inherited = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "t",
        "KUBESERVE_PIP_INDEX_URL": "https://user:password@pypi.example/simple",
        "SOME_API_TOKEN": "t",
        "PIP_INDEX_URL": "https://evil.example",
        "PYTHONPATH": "/evil",
        "HTTPS_PROXY": "http://proxy:1",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/ca/ca.crt",
        "TMPDIR": "/tmp",
    }
    assert environment(inherited, Path("/scratch")) == {
        "HTTPS_PROXY": "http://proxy:1",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/ca/ca.crt",
        "HOME": "/scratch",
        "TMPDIR": "/scratch",
    }


def test_run_pip_the_process_gets_no_key_and_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the key")
    with pytest.raises(ModelError, match="exit code 3"):
        run_pip([sys.executable, "-c", DUMP], tmp_path, Disk(tmp_path), seconds=120)
    assert "HOME" in (tmp_path / "output").read_text()
    assert "AWS" not in (tmp_path / "output").read_text()


def test_run_pip_a_process_that_never_ends_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError, match=r"pip needs more than 0 s|pip needs more than 1 s"):
        run_pip([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, Disk(tmp_path), seconds=0.5)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("then", ["import time; time.sleep(600)", ""])
def test_run_pip_a_process_that_exceeds_the_disk_limit_is_ended(tmp_path: Path, then: str) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write = f"open({str(scratch / 'wheel')!r}, 'wb').write(bytes(2_000_000)); {then}"
    reason = r"the model and its packages need more than the 1 MiB of disk that this pod may use: raise deployment\.res"
    with pytest.raises(ModelError, match=f"requirements.txt cannot be installed: {reason}"):
        run_pip([sys.executable, "-c", write], scratch, Disk(tmp_path, 2**20), seconds=600)


def test_command_is_isolated_and_builds_nothing() -> None:
    line = " ".join(command(Path("r.txt"), Path("to"), parse(b"x==1"), Index(certificates="/ca.pem")))
    for part in ("-I", "--isolated", "--only-binary :all:", "--no-input", "--cert /ca.pem", "--requirement r.txt"):
        assert part in line
    assert "--require-hashes" not in line


def test_command_with_a_hash_requires_hashes() -> None:
    packages = parse(b"x==1 --hash=sha256:" + b"a" * 64)
    assert "--require-hashes" in command(Path("r.txt"), Path("to"), packages, Index())


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        ("", []),
        ("https://pypi.example/simple", ["--index-url https://pypi.example/simple"]),
        ("https://u:p${HOME}@pypi.example/", ["--index-url https://u:p%24{HOME}@pypi.example/"]),
        ("http://u:p@1.2.3.4:80/x", ["--index-url http://u:p@1.2.3.4:80/x", "--trusted-host 1.2.3.4:80"]),
    ],
)
def test_index_lines_hold_the_operators_index_and_expand_nothing(url: str, lines: list[str]) -> None:
    index = Index(url)
    index.check()
    assert index.lines() == lines


@pytest.mark.parametrize(
    "url", ["u:pw@x", "ftp://u:pw@x/", "https://", "https://u:pw@x\n-r /y", "https://u:pw@x y", "http://u:pw@x:pw"]
)
def test_index_that_is_no_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ModelError, match="KUBESERVE_PIP_INDEX_URL: expected a URL") as raised:
        Index(url).check()
    assert "pw" not in str(raised.value)


NONE = "ERROR: Could not find a version that satisfies the requirement {0} (from versions: none)\n"
NO_MATCH = NONE + "ERROR: No matching distribution found for {0}\n"


OF_THE_FILE = {
    "the package index has no package named nope",
    "nope has no wheel",
    "has no version of x that fits",
    "no wheel of x on the package index is",
    "has another hash",
    "a dependency is not",
    "exclude each other",
    "no package named x",
}
"""With the same requirements.txt pip would fail again: the version is not tried again until its files change."""


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (NO_MATCH.format("nope"), "the package index has no package named nope"),
        ("Skipping link: No sources permitted for nope: u\n" + NO_MATCH.format("nope"), "nope has no wheel"),
        ("ERROR: No matching distribution found for x==9\n", "has no version of x that fits"),
        (
            "none of the wheel's tags (cp27) are compatible\n" + NO_MATCH.format("x"),
            "no wheel of x on the package index is",
        ),
        (
            "connection broken by 'NewConnectionError(... [Errno 111] Connection refused\n" + NO_MATCH.format("x"),
            "refuses",
        ),
        ("ProxyError('Unable to connect to proxy', ... Connection refused\n" + NO_MATCH.format("x"), "the proxy"),
        ("ProxyError('Cannot connect to proxy.', ... Connection refused\n" + NO_MATCH.format("x"), "the proxy"),
        ("Failed to resolve 'pypi.example'\n" + NO_MATCH.format("x"), "(DNS)"),
        ("connection broken by ... [Errno -2] Name or service not known\n" + NO_MATCH.format("x"), "(DNS)"),
        ("... [Errno -3] Temporary failure in name resolution\n" + NO_MATCH.format("x"), "(DNS)"),
        ("SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'\n", "KUBESERVE_PIP_CERT"),
        ("Could not fetch URL u: 403 Client Error: Forbidden\n" + NO_MATCH.format("x"), "refuses access"),
        ("Caused by ResponseError('too many 500 error responses'\n" + NO_MATCH.format("x"), "out of order"),
        ("ReadTimeoutError: Read timed out.\n", "does not answer in time"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n", "has another hash"),
        ("ERROR: In --require-hashes mode, all requirements must have their versions pinned\n", "a dependency is not"),
        ("ERROR: ResolutionImpossible: for help visit\n", "exclude each other"),
        ("resolvelib.ResolutionImpossible: [x]\n" + NO_MATCH.format("x"), "no package named x"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "no space is left",
        ),
        ("/usr/bin/python: No module named pip\n", "pip is not installed"),
        ("something else\n", "pip failed with exit code 1"),
    ],
)
def test_cause_of_a_failure_is_a_sentence_of_ours_and_says_whose_fault_it_is(output: str, sentence: str) -> None:
    error, found = cause_of(output, 1)
    assert sentence in found
    assert error is (VersionError if sentence in OF_THE_FILE else ModelError)


def test_cause_of_an_odd_name_shows_its_clean_part_only() -> None:
    _, sentence = cause_of("ERROR: No matching distribution found for " + "x" * 500 + "\x1b[31m", 1)
    assert sentence.isprintable()
    assert len(sentence) < 200


def test_cause_of_a_killed_pip_names_the_signal() -> None:
    assert "signal 9" in cause_of("", -9)[1]


def test_install_without_packages_starts_no_pip(tmp_path: Path) -> None:
    install([], tmp_path / "packages", Index(), Disk(tmp_path))
    assert not (tmp_path / "packages").exists()
