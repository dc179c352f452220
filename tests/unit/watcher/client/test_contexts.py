from __future__ import annotations

import stat
from pathlib import Path

import pytest

from watcher.client.contexts import Context, Contexts, chosen, described, path_of, read, write
from watcher.errors import Rejected

LAB = Context(
    "lab", s3_endpoint="https://minio.lab:9000", namespace="my-team", access_key_id="AK", secret_access_key="SK"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "config.yaml"
    write(path, Contexts("lab", {"lab": LAB, "other": Context("other", store="folder:/models")}))
    return path


def environment(file: Path, **others: str) -> dict[str, str]:
    return {"KUBESERVE_CONFIG": str(file), **others}


def test_a_written_file_is_read_again_and_is_its_owners_alone(file: Path) -> None:
    assert read(file).named["lab"] == LAB
    assert read(file).current == "lab"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_path_is_that_of_the_variable_then_the_users_configuration() -> None:
    assert path_of({"KUBESERVE_CONFIG": "/a"}) == Path("/a")
    assert path_of({"XDG_CONFIG_HOME": "/c"}) == Path("/c/kubeserve/config.yaml")
    assert path_of({}) == Path.home() / ".config/kubeserve/config.yaml"


def test_chosen_prefers_flags_then_our_variables_then_the_context_then_those_of_aws(file: Path) -> None:
    aws = {"AWS_ENDPOINT_URL": "http://aws", "AWS_REGION": "eu-west-1"}
    assert chosen(environment(file, **aws)).s3_endpoint == "https://minio.lab:9000"
    assert chosen(environment(file, KUBESERVE_S3_ENDPOINT="ours", **aws)).s3_endpoint == "ours"
    assert chosen(environment(file, KUBESERVE_NAMESPACE="a"), namespace="b").namespace == "b"
    assert chosen(environment(file, KUBESERVE_NAMESPACE="a")).namespace == "a"
    assert chosen(environment(file), "other").store == "folder:/models"
    assert chosen(environment(file, KUBESERVE_CONTEXT="other")).name == "other"


def test_chosen_without_a_context_is_what_the_environment_says(tmp_path: Path) -> None:
    found = chosen({"KUBESERVE_CONFIG": str(tmp_path / "none"), "AWS_ENDPOINT_URL_S3": "http://aws"})
    assert found == Context(s3_endpoint="http://aws")


@pytest.mark.parametrize(
    ("given", "secure", "expected"),
    [
        ("minio:9000", "true", "https://minio:9000"),
        ("minio:9000", "0", "minio:9000"),
        ("http://minio:9000", "true", "http://minio:9000"),  # a scheme overrides it, as for `kubeserve run`
    ],
)
def test_chosen_reads_whether_the_store_speaks_tls(tmp_path: Path, given: str, secure: str, expected: str) -> None:
    variables = {"KUBESERVE_S3_ENDPOINT": given, "KUBESERVE_S3_SECURE": secure}
    assert chosen({"KUBESERVE_CONFIG": str(tmp_path / "none"), **variables}).s3_endpoint == expected


def test_chosen_rejects_a_variable_that_is_neither_true_nor_false(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="KUBESERVE_S3_SECURE: 'perhaps' is not a valid boolean"):
        chosen({"KUBESERVE_CONFIG": str(tmp_path / "none"), "KUBESERVE_S3_SECURE": "perhaps"})


def test_an_unknown_context_is_met_with_the_nearest(file: Path) -> None:
    with pytest.raises(Rejected, match=r"no context 'labb'; did you mean 'lab'\?"):
        chosen(environment(file), "labb")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", "expected a map"),
        ("contexts: [a]", "contexts: expected a map"),
        ("contexts: {a: 1}", "contexts.a: expected a map"),
        ("contexts: {a: {buckett: x}}", "no field 'buckett'; did you mean 'bucket'?"),
        ("contexts: {a: {bucket: 1}}", "contexts.a.bucket: expected a string"),
        ("a: [", "not YAML"),
    ],
)
def test_a_malformed_file_is_one_sentence_with_its_place(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(Rejected) as caught:
        read(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_namespace_that_cannot_be_one_is_refused(file: Path) -> None:
    with pytest.raises(Rejected, match="namespace 'Team B'"):
        chosen(environment(file), namespace="Team B")


def test_no_secret_is_shown() -> None:
    assert "SK" not in repr(LAB)
    assert "SK" not in str(described(LAB))


def test_path_of_a_user_without_a_home_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(Rejected, match="there is no home folder for the file of contexts: set KUBESERVE_CONFIG"):
        path_of({})
    assert path_of({"KUBESERVE_CONFIG": "/dev/null"}) == Path("/dev/null")


def test_read_of_what_is_no_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="Is a directory"):
        read(tmp_path)
