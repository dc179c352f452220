from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from watcher.__main__ import main
from watcher.errors import Rejected
from watcher.stores.client import own_keys


def test_a_slip_in_the_operator_s_values_ends_the_watcher_with_its_place(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("deployment: {imgae: {tag: new}}")
    done = CliRunner().invoke(main, ["run", "--runtime", "local", "--chart-values", str(values), "--listen", ":0"])
    assert done.exit_code == 1
    assert f"--chart-values {values}: deployment: Additional properties are not allowed" in done.output


def test_an_assignment_that_is_not_yaml_is_said() -> None:
    key = "s3://models/t/m/v1/model.joblib"
    done = CliRunner().invoke(main, ["render", key, "--set", "a=[", "--s3-endpoint", "127.0.0.1:1"])
    assert done.exit_code == 1
    assert "Error: " in done.output


def test_credentials_that_expire_are_not_given_to_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert own_keys() == ("a", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    with pytest.raises(Rejected, match="KUBESERVE_POD_AWS_ACCESS_KEY_ID"):
        own_keys()
