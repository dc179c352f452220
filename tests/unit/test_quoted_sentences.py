"""What the documents quote is what the code writes: sentences, states, paths, flags, variables, values, commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.quotations import (
    DOCUMENTS,
    PROGRAMS,
    ROOT,
    blocks,
    chart_values,
    flags,
    manifests,
    paths_in,
    quotes,
    routes,
    texts,
    words,
)
from watcher.cli.main import main
from watcher.core.types import State
from watcher.core.user_values import CONTROLS

OTHERS = {
    *(
        "'.[watcher,local]'",
        "pip install '.[watcher]'",
        ".venv/bin/kubeserve",
        "pandas",
        "KernelDensity",
        "cloudpickle.dump",
    ),
    *("tritonclient", "mlserver infer", "kserve", "python:3.11-slim", "VmHWM", "VmRSS"),
    *("v9", "v10", "1.0.0", "1.0.0-rc1", "my-team", "AWS_SESSION_TOKEN", "1G"),
    *("s3:ListenBucketNotification", "s3:GetObjectVersion", "s3:GetBucketLocation", "kubeserve.yaml", "?proba=true"),
    *("model.pkl", "model.skops", "{namespace}.{release}", '"parameters": {"content_type": "pd"}'),
    *(
        "10.1.2.3:9000",
        ".svc",
        "kube-dns",
        "nas.lan:9000",
        "iris-model-serving-canary",
        "promote: auto",
        "honor_labels: false",
    ),
    *("__meta_kubernetes_namespace", "__meta_kubernetes_service_name", "scipy.stats", "builtins.getattr"),
    *("…-models-install", 'requirements: "off"'),
}
"""Names of other programs, and examples: nothing in this repository writes them. Each must be quoted somewhere."""


def is_sentence(quote: str) -> bool:
    """Return whether the code or a chart writes each part of the quote around `…`. One word is a whole one."""
    parts = [part.strip() for part in quote.split("…") if part.strip()]
    return bool(parts) and all(is_word(part) if re.fullmatch(r"\S+", part) else writes(part) for part in parts)


def is_word(part: str) -> bool:
    return part in words() or re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", manifests()) is not None


def writes(part: str) -> bool:
    return any(part in text or pattern.search(part) for text, pattern in texts())


def is_flag(quote: str) -> bool:
    return quote.split(maxsplit=1)[0] in flags()


def is_variable(quote: str) -> bool:
    """Return whether the code or a chart has the variable; `…` leaves its end open. MinIO's are set by the tests."""
    name, ends, _ = quote.partition("=")[0].partition("…")
    known = words() | set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", manifests())) | variables_of_minio()
    return any(word.startswith(name) if ends else word == name for word in known) or f'"{name}"' in settings()


def settings() -> str:
    names = re.findall(r"^    (\w+): ", (ROOT / "watcher" / "settings.py").read_text(), re.MULTILINE)
    return " ".join(f'"KUBESERVE_{name.upper()}"' for name in names)


def variables_of_minio() -> set[str]:
    return set(re.findall(r"MINIO_NOTIFY_[A-Z_]+", (ROOT / "dev" / "stores.py").read_text()))


def is_path(quote: str) -> bool:
    """Return whether a program has the route, or a chart mounts the folder. `[…]` is optional."""
    path = re.sub(r"\{\w+\}", "{}", quote.removeprefix("GET ").removeprefix("POST "))
    whole, short = re.sub(r"[\[\]]", "", path), re.sub(r"\[.*?\]", "", path)
    if path.startswith("…"):
        return any(route.endswith(path[1:]) for route in routes())
    return {whole, short} <= routes() or f"mountPath: {path}\n" in manifests()


def is_state(quote: str) -> bool:
    return quote in set(State)


def is_make(quote: str) -> bool:
    target = quote.split()[1]
    return re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None


def is_module(quote: str) -> bool:
    path = ROOT / quote.split()[2].replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def is_value(quote: str) -> bool:
    """Return whether every key of a chart's value, as `a.b`, `a.*` or YAML, is in a schema or read from values.yaml."""
    if re.fullmatch(r"[\w.*-]+", quote):
        return quote.removesuffix(".*") in chart_values()
    return all(path in chart_values() | controls() for path in keys_of(yaml.safe_load(quote)))


def controls() -> set[str]:
    """Return the paths that only the values.yaml of a model may have."""
    return set(paths_in({"properties": CONTROLS}))


def keys_of(document: Any, prefix: str = "") -> Iterator[str]:
    for name, value in document.items() if isinstance(document, dict) else ():
        yield prefix + name
        yield from keys_of(value, f"{prefix}{name}.")


def is_file(quote: str) -> bool:
    """Return whether the file or folder exists; a bare name may be in any folder, or the code's own name of a file."""
    if "/" in quote.rstrip("/") or not quote.endswith(".py"):
        return (ROOT / quote).exists() or quote.rstrip("/") in words() or quote in words()
    return any(True for room in PROGRAMS for _ in (ROOT / room).rglob(quote))


def is_command(quote: str) -> bool:
    """Return whether what the command names of this repository exists: labels, containers, values, files."""
    labels = set(re.findall(r"[\w.-]+\.io/[\w-]+", quote)) - {"pod-security.kubernetes.io/enforce"}
    containers = re.findall(r"-c ([\w-]+)", quote)
    values = re.findall(r"--set(?:-file)? '?([\w.-]+)=", quote)
    files = re.findall(r"\bmanifests/[\w./-]+", quote)
    return (
        all(is_word(label) for label in labels)
        and all(f"name: {name}\n" in manifests() for name in containers)
        and all(value in chart_values() for value in values)
        and all((ROOT / file).exists() for file in files)
    )


def is_metric(quote: str) -> bool:
    """Return whether the quoted values of the labels exist. `test_docs.py` compares the metrics' names."""
    states = "|".join(re.findall(r'state=~"([^"]*)"', quote)).split("|")
    sources = re.findall(r'source="([^"]*)"', quote)
    return set(states) - {""} <= set(State) and set(sources) <= words()


def is_upload(quote: str) -> bool:
    """Return whether the last part of a key of the bucket is a file that the watcher looks for."""
    return quote.rpartition("/")[2] in words()


def is_name(quote: str) -> bool:
    """Return whether a chart names objects like this, after its release: the watcher's is `kubeserve`."""
    suffix = quote.removeprefix("{model}").removeprefix("kubeserve")
    return f'"%s{suffix}"' in manifests()


def is_answer(quote: str) -> bool:
    return all(key in words() for key in re.findall(r'"(\w+)":', quote))


def is_own_command(quote: str) -> bool:
    return quote.split()[1] in main.commands


KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"--[a-z][a-z-]*( \S+)?", is_flag),
    (r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_([A-Z0-9]+|…)(=.*)?", is_variable),
    (r"((GET|POST) )?(…?/[\w/{}\[\].]*)", is_path),
    (r"Ready|Applied|Progressing|Failed|Rejected|Paused|Waiting|Held", is_state),
    (r"make [a-z-]+.*", is_make),
    (r"python -m \S+", is_module),
    (r"kubeserve_\w+.*", is_metric),
    (r"kubeserve [a-z]+", is_own_command),
    (r"(kubectl|helm) .*|-c [\w-]+", is_command),
    (r"\{namespace\}/.*", is_upload),
    (r"(\{model\}|kubeserve)-[\w-]+", is_name),
    (r'\{"\w+": "…"\}', is_answer),
    (r"[\w/-]+\.(py|txt|joblib|json|yaml)|[\w/]+/", is_file),
    (r"[a-z][\w]*(\.[\w*-]+)+|\w+[\w.-]*: [\w{\"https].*", is_value),
)


def is_true(quote: str) -> bool:
    """Return whether the first kind that the quote has the form of knows it; other quotes are sentences."""
    for form, exists in KINDS:
        if re.fullmatch(form, quote):
            return exists(quote)
    return is_sentence(quote)


QUOTES = [pytest.param(quote, id=f"{path.name}: {quote}") for path in DOCUMENTS for quote in quotes(path)]


@pytest.mark.parametrize("quote", QUOTES)
def test_documents_quote_only_what_the_code_has(quote: str) -> None:
    assert quote in OTHERS or is_true(quote), f"nothing in this repository is or writes: {quote}"


def test_others_are_each_quoted() -> None:
    assert OTHERS - {quote for path in DOCUMENTS for quote in quotes(path)} == set()


@pytest.mark.parametrize(
    "wrong",
    [
        *("--pol-interval", "KUBESERVE_WEBHOOK_TOKENS=x", "KUBESERVE_PODS_…", "/healthy", "GET /v2/model/{m}"),
        *("/v2/models/{m}[/version/{v}]", "…/infers", "Refused", "make tests", "python -m servers", "kubeserve starts"),
        *('kubeserve_watcher_source_up{source="pol"} == 0', 'kubeserve_watcher_models{state=~"Failed|Lost"} > 0'),
        *(
            "kubectl logs -c inference",
            '{"err": "…"}',
            "kubeserve-s4",
            "localhost:500",
            "kubectl delete deployment -l kubeserve.io/owners=x",
            "helm upgrade --set s3.x=1",
        ),
        *(
            "{namespace}/{model}/value.yaml",
            "input_examples.json",
            "{model}-serving",
            "server/http/bodies.py",
            "loops.py",
            "package/",
        ),
        *("deployment.replica", "server: {deadlines: 2.0}", "watch.allNamespace: true", "the secret key is bad"),
        *("removed, but it works again …", "reqests", "settings.poll_interval"),
    ],
)
def test_is_true_of_a_quote_that_is_a_little_wrong_is_false(wrong: str) -> None:
    assert not is_true(wrong)


@pytest.mark.parametrize("path", DOCUMENTS[:2], ids=lambda path: path.name)
def test_commands_in_blocks_name_flags_values_and_paths_that_exist(path: Path) -> None:
    text = "\n".join(blocks(path, "bash")).replace("\\\n", " ")
    own = [line.partition("#")[0] for line in text.splitlines() if line.startswith("kubeserve ")]
    assert all(is_own_command(line) for line in own)
    assert set(re.findall(r"(?<!\S)--[a-z][a-z-]+", " ".join(own))) <= flags()
    assert all(is_command(line) for line in text.splitlines())
    paths = {re.sub(r"\$\{?MODEL\}?", "{}", found) for found in re.findall(r"\$URL(/[^\s'\"]+)", text)}
    assert {found.partition(":")[0] for found in paths} <= routes()
    assert text.count("make ") == sum(is_make(found) for found in re.findall(r"make [a-z-]+", text))


def test_values_in_blocks_are_values_of_the_charts() -> None:
    documents = [yaml.safe_load(text) for path in DOCUMENTS for text in blocks(path, "yaml")]
    assert len(documents) >= 5
    # The keys of annotations are the reader's own.
    given = {key.partition(".annotations.")[0] for document in documents for key in keys_of(document)}
    assert given - chart_values() - controls() == set()
