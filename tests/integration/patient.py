"""A set-up that `kubeserve doctor` examines, with secrets in every place that has one."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from watcher.cli.main import main

SECRETS = {
    name: f"planted-{secrets.token_hex(12)}"
    for name in ("AWS_SECRET_ACCESS_KEY", "KUBESERVE_WEBHOOK_TOKEN", "KUBESERVE_POD_AWS_SECRET_ACCESS_KEY")
}
"""No output may contain one of these."""
MACHINE = {"SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE", "KUBECONFIG"}


class Patient:
    """Runs the doctor. `environment` is what the set-up's variables are; a test changes some of them."""

    def __init__(self, folder: Path, **environment: str) -> None:
        none = {"KUBESERVE_CONFIG": str(folder / "contexts.yaml"), "HOME": str(folder)}
        nowhere = {"KUBESERVE_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "somebody"}
        self.environment = {**none, **nowhere, **SECRETS, **environment}

    def run(self, *arguments: str, **changes: str) -> Result:
        """Run the doctor, and fail if a secret is printed."""
        environment = {**self.environment, **changes}
        machine: dict[str, str | None] = dict.fromkeys(MACHINE)
        ended = CliRunner().invoke(main, ["doctor", *arguments], env={**machine, **environment})
        planted = {word for value in environment.values() for word in re.findall(r"planted-[\w-]+", value)}
        assert not [value for value in planted if value in ended.output]
        return ended

    def run_as_a_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the doctor as a user does."""
        machine = {key: value for key, value in os.environ.items() if key not in MACHINE}
        command = [sys.executable, "-m", "watcher", "doctor", *arguments]
        environment = {**machine, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def findings(self, *arguments: str, **changes: str) -> dict[str, dict[str, Any]]:
        """Return the findings by name; of two with one name the worse, which comes first."""
        ended = self.run("-o", "json", *arguments, **changes)
        assert ended.exit_code in {0, 1}, ended.output
        body = json.loads(ended.stdout)
        assert body["ok"] == (ended.exit_code == 0) == all(item["verdict"] != "fail" for item in body["findings"])
        return {item["name"]: item for item in reversed(body["findings"])}

    def one(self, name: str, *arguments: str, **changes: str) -> tuple[str, str, str]:
        """Return one finding: its verdict, detail and remedy. One that is wrong has a remedy."""
        found = self.findings(*arguments, **changes)[name]
        assert bool(found["remedy"]) == (found["verdict"] in {"warn", "fail"}), found
        return found["verdict"], found["detail"], found["remedy"]
