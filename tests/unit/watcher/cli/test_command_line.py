from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner

from watcher import __main__ as program
from watcher.cli.commands.context import context
from watcher.cli.errors import Deferred, Group
from watcher.cli.main import PANELS, main
from watcher.settings import Settings

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def failure(*arguments: str, **environment: str) -> str:
    """Return the one line that a command fails with."""
    done = CliRunner().invoke(main, arguments, env=environment)
    assert done.exit_code in {1, 2}, done.output
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


RUN = ("run", "--runtime", "local", "--listen", "127.0.0.1:0")


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("listen", ":99999", "--listen: '99999' is not a port"),
        ("listen", "host:abc", "--listen: 'abc' is not a port"),
        ("listen", "::1:8080", "--listen: '::1:8080': an IPv6 address needs brackets"),
        ("listen", "127.0.0.1", "--listen: '127.0.0.1' has no port"),
        ("listen", "192.0.2.1:8080", "--listen: cannot listen on 192.0.2.1:8080"),
        ("listen", "nowhere.invalid:8080", "--listen: cannot listen on nowhere.invalid:8080"),
        ("s3-endpoint", "http://me:pw@minio", "--s3-endpoint: the address must not contain a user or password"),
        ("s3-endpoint", "http://minio/prefix", "--s3-endpoint: the path '/prefix' is not supported"),
        ("s3-endpoint", "::1:9000", "--s3-endpoint: '::1:9000': an IPv6 address needs brackets"),
        ("s3-region", "EU west", "--s3-region: 'EU west' is not a region"),
        ("bucket", "Not A Bucket", "--bucket: 'Not A Bucket' is not a bucket"),
        ("namespaces", "team-a,Team B", "--namespaces: namespace 'Team B'"),
        ("store", "gs://x", "--store gs://x: expected s3 or folder:PATH"),
        ("workers", "abc", "'abc': expected a whole number from 1 to 256"),
        ("workers", "0", "'0': expected a whole number from 1 to 256"),
        ("workers", "-1", "'-1': expected a whole number from 1 to 256"),
        ("workers", "1.5", "'1.5': expected a whole number from 1 to 256"),
        ("workers", "9" * 5000, "expected a whole number from 1 to 256"),
        ("poll-interval", "nan", "'nan': expected a number from 0.1 to 86400"),
        ("poll-interval", "inf", "'inf': expected a number from 0.1 to 86400"),
        ("resync-interval", "1e300", "'1e300': expected a number from 1 to"),
        ("max-delete-fraction", "-0.1", "'-0.1': expected a number from 0 to 1"),
        ("s3-secure", "perhaps", "'perhaps' is not a valid boolean"),
        ("log-level", "loud", "'loud' is not one of 'debug', 'info', 'warning', 'error'"),
        ("data-only", "team,Team B", "--data-only: namespace 'Team B'"),
        ("ceilings", "pods=3", "--ceilings: 'pods=3': expected NAME=QUANTITY, each NAME once, of replicas, cpu,"),
        ("ceilings", "memory=much", "--ceilings: 'memory=much': expected a quantity above zero"),
        ("ceilings", "replicas=4", "--ceilings: replicas=4: autoscaling.maxReplicas is 5 for every model: raise the"),
        (
            "ceilings",
            "disk=1Gi",
            "disk=1Gi: deployment.resources.limits.ephemeral-storage is 10Gi for every model",
        ),
        ("ceilings", "bodySize=1Mi", "bodySize=1Mi: server.maxBodySize is 16777216 by default for every model"),
        ("chart-values", "missing.yaml", "--chart-values missing.yaml: No such file or directory"),
        ("chart-values", ".", "--chart-values .: Is a directory"),
    ],
)
def test_a_slip_in_a_setting_is_one_line_that_names_it(flag: str, value: str, expected: str) -> None:
    variable = f"KUBESERVE_{flag.replace('-', '_').upper()}"
    by_variable = failure("run", **{"KUBESERVE_RUNTIME": "local", "KUBESERVE_LISTEN": "127.0.0.1:0", variable: value})
    assert expected in by_variable
    assert flag in by_variable or variable in by_variable
    if flag != "s3-secure":  # a switch has no value on the command line
        assert expected in failure(*RUN, f"--{flag}", value)


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("owner", "me & you", "--owner: 'me & you' is not a label's value"),
        ("pod-s3-endpoint", "minio:x", "--pod-s3-endpoint: 'x' is not a port"),
        ("store", "folder:x", "--store folder:x: pods cannot reach a folder: set --runtime local"),
    ],
)
def test_a_slip_in_a_setting_of_the_cluster_is_one_line(flag: str, value: str, expected: str) -> None:
    assert expected in failure("run", "--listen", "127.0.0.1:0", f"--{flag}", value)


@pytest.mark.parametrize(
    "text", ["deployment: {imgae: {tag: new}}", "a: [", "- a", "[" * 5000, "a: \x00", "a: 1\na: 2", "a: 1:30"]
)
def test_a_slip_in_the_chart_values_is_one_line_with_the_file(text: str, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(text)
    assert f"--chart-values {values}: " in failure(*RUN, "--chart-values", str(values))


def test_run_with_one_address_for_several_models_fails_before_any_connection(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text('ingress: {enabled: true, host: "{model}.example.com", path: /}')
    given = (*RUN, "--chart-values", str(values))
    assert "ingress.host or ingress.path needs {namespace}: otherwise several models" in failure(*given)


def test_a_ceiling_below_the_operators_own_values_is_one_line(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("{autoscaling: {maxReplicas: 9}, server: {maxValues: 7}}")
    given = (*RUN, "--chart-values", str(values), "--ceilings")
    assert "replicas=8: autoscaling.maxReplicas is 9 for every model" in failure(*given, "replicas=8")
    assert "values=6: server.maxValues is 7 for every model" in failure(*given, "replicas=9,values=6")


@pytest.mark.parametrize("text", ["", "not a certificate"])
def test_a_bundle_without_certificates_is_one_line(text: str, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(text)
    assert f"AWS_CA_BUNDLE: {bundle}: not a PEM file" in failure(*RUN, AWS_CA_BUNDLE=str(bundle))
    assert "No such file" in failure(*RUN, AWS_CA_BUNDLE=str(tmp_path / "missing"))


KEY = "s3://models/t/m/v1/model.joblib"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((KEY, "--set", "a=["), "--set a=[: line 1: not YAML: "),
        ((KEY, "--set", "a=0777"), "--set a=0777: line 1: '0777' is not a decimal number"),
        ((KEY, "--set", "a=2026-01-31"), 'reads as a date: quote it: "2026-01-31"'),
        ((KEY, "--set", "a={b: 1, b: 2}"), "line 1: b: the key is already in line 1"),
        ((KEY, "--set", f"a={'9' * 5000}"), "is not a decimal number of at most 18 digits"),
        ((KEY, "--set", f"{'a.' * 9000}a=1"), "a path of more than 32 names"),
        ((KEY, "--set", "a"), "--set a: expected a.b=c"),
        ((KEY, "--set", "a..b=1"), "--set a..b=1: expected a.b=c"),
        ((KEY, "-f", "bad.yaml"), "-f bad.yaml: expected a map"),
        ((KEY, "-f", "missing.yaml"), "'missing.yaml': No such file or directory"),
        (("models/t/m/v1/model.joblib",), "expected s3://BUCKET/"),
        (("s3://models/m/model.joblib",), "wrong depth"),
        (("s3://A B/t/m/v1/model.joblib",), "'A B' is not a bucket"),
    ],
)
def test_render_reads_everything_local_before_it_asks_the_store(
    arguments: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text("- a")
    line = failure("render", *arguments, "--s3-endpoint", "127.0.0.1:1")
    assert expected in line
    assert "reached" not in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "--no-such-flag"), "No such option '--no-such-flag'"),
        (("--no-such-flag",), "No such option '--no-such-flag'"),
        (("statsu",), "no command 'statsu'; did you mean 'status'?"),
        (("context", "lsit"), "no command 'lsit'; did you mean 'list'?"),
        (("status", "--namespce", "x"), "Did you mean '--namespace'?"),
        (("render",), "Missing argument"),
        (("predict", "iris"), "Missing argument 'ROWS|FILE|-': see `main predict --help`"),
        (("status", "--url", "127.0.0.1:1"), "no watcher answers at 127.0.0.1:1"),
        (("status", "--url", "http://[::1"), "no watcher answers at"),
    ],
)
def test_a_slip_in_the_arguments_is_one_line(arguments: tuple[str, ...], expected: str) -> None:
    assert expected in failure(*arguments)


def test_an_unexpected_error_is_one_line_and_its_traceback_is_for_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LookupError("two\nlines")

    monkeypatch.setattr("watcher.compose.run", fail)
    assert failure(*RUN) == "Error: unexpected LookupError (details: --log-level debug): two lines"
    assert "Traceback" in CliRunner().invoke(main, [*RUN, "--log-level", "debug"]).stderr


def test_an_unexpected_error_of_a_command_without_a_log_names_no_option_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    structlog.reset_defaults()
    monkeypatch.setattr("watcher.client.contexts.read", lambda _: 1 / 0)
    assert failure("context", "list") == "Error: unexpected ZeroDivisionError: division by zero"


def test_local_in_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert failure("local", "--folder", f"{tmp_path}/file/x") == f"Error: --folder {tmp_path}/file/x: Not a directory"


def test_help_shows_the_commands_under_their_headings() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    assert all(heading in shown for heading in PANELS)
    for name in main.commands:
        assert name in shown


def test_command_line_imports_nothing_large_before_a_command_runs() -> None:
    program = "import sys, watcher.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    large = {"kubernetes", "minio", "numpy", "prometheus_client", "rich", "sanic", "structlog", "urllib3", "yaml"}
    assert not large & set(found.split())


def test_help_imports_what_draws_it_and_nothing_that_only_one_command_needs() -> None:
    program = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules));"
        "from watcher.cli.main import main; main(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    found = done.stdout.splitlines()[-1].split()
    others = {name.partition(".")[0] for name in found if not name.startswith("_")} - sys.stdlib_module_names
    assert others == {"click", "rich", "rich_click", "watcher"}
    assert not {"asyncio", "concurrent.futures", "difflib", "http.client", "ssl", "subprocess"} & set(found)
    shared = [name for name in found if name.startswith("watcher.") and not name.startswith("watcher.cli.")]
    assert len(shared) <= 9, sorted(shared)
    assert not [name for name in found if name.startswith("watcher.cli.commands.")]


def test_check_that_is_interrupted_ends_without_a_traceback_of_the_process_that_loads(tmp_path: Path) -> None:
    fifo = tmp_path / "model.joblib"
    os.mkfifo(fifo)  # whoever loads it waits for somebody to write
    command = [sys.executable, "-m", "watcher", "check", str(fifo)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    with running, fifo.open("wb"):  # which returns when it is opened by the process that loads
        os.killpg(running.pid, signal.SIGINT)
        try:
            assert running.communicate(timeout=60) == (None, "\n")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 130


def test_main_interrupted_during_its_imports_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(MetaPathFinder):
        def find_spec(self, fullname: str, path: object, target: object = None) -> None:
            if fullname == "watcher.cli.main":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "watcher.cli.main")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert program.main() == 130


def test_main_without_arguments_shows_how_to_begin() -> None:
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 0
    assert "kubeserve push iris.joblib" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


COMMANDS = [each.imported() if isinstance(each, Deferred) else each for each in main.commands.values()]


def test_list_of_commands_has_the_first_paragraph_of_each_ones_own_help() -> None:
    listed = {name: text for panel in PANELS.values() for name, text in panel.items()}
    own = {each.name: " ".join(str(each.help).partition("\n\n")[0].split()) for each in COMMANDS}
    assert list(own.items()) == list(listed.items())


@pytest.mark.parametrize("command", [*COMMANDS, *context.commands.values()], ids=lambda each: each.name)
def test_an_example_of_a_help_fits_a_terminal_of_80_columns(command: click.Command) -> None:
    examples = [line for line in inspect.cleandoc(command.help or "").splitlines() if line.startswith("kubeserve ")]
    assert all(len(line) <= 78 for line in examples)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_output_has_no_colours_where_they_are_not_wanted(variables: dict[str, str]) -> None:
    shown = CliRunner().invoke(painted, color=True, env={"NO_COLOR": "", "TERM": "xterm", **variables})
    assert shown.output == "red\n"
    assert "\x1b" in CliRunner().invoke(painted, color=True, env={"NO_COLOR": "", "TERM": "xterm"}).output


@click.group(cls=Group, invoke_without_command=True)
def painted() -> None:
    click.secho("red", fg="red")


def test_one_of_the_two_pod_keys_is_a_slip() -> None:
    shown = failure("run", "--listen", "127.0.0.1:0", KUBESERVE_POD_AWS_ACCESS_KEY_ID="only")
    assert "set both, or neither" in shown


@pytest.mark.parametrize("flag", ["--webhook-token", "--pod-aws-access-key-id", "--pod-aws-secret-access-key"])
def test_a_secret_in_a_flag_is_refused_with_the_name_of_its_variable(flag: str) -> None:
    ended = CliRunner().invoke(main, ["run", f"{flag}=planted"])
    variable = f"KUBESERVE_{flag.strip('-').replace('-', '_').upper()}"
    assert ended.exit_code == 2
    assert f"set {variable}, or {variable}_FILE to the path of a file" in ended.output
    assert "planted" not in ended.output
    assert flag not in CliRunner().invoke(main, ["run", "--help"]).output


def test_a_secret_comes_from_its_variable_or_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Settings] = []
    monkeypatch.setattr("watcher.compose.run", found.append)
    (tmp_path / "token").write_text("of the file\n")
    of_file = {"KUBESERVE_WEBHOOK_TOKEN_FILE": str(tmp_path / "token")}
    for env in (of_file, {**of_file, "KUBESERVE_WEBHOOK_TOKEN": "of the variable"}, {}):
        assert CliRunner().invoke(main, ["run"], env=env).exit_code == 0
    assert [settings.webhook_token for settings in found] == ["of the file", "of the variable", ""]
    assert "of the" not in repr(found)
    (tmp_path / "empty").write_text("\n")
    for path in (tmp_path / "none", tmp_path, tmp_path / "empty"):
        ended = CliRunner().invoke(main, ["run"], env={"KUBESERVE_WEBHOOK_TOKEN_FILE": str(path)})
        assert (ended.exit_code, f"KUBESERVE_WEBHOOK_TOKEN_FILE: {path}: " in ended.output) == (2, True)
