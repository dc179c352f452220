"""`push`: from a fitted model to one that serves."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kubeserve.errors import Error, one_sentence
from kubeserve.frames import example_of, is_frame
from kubeserve.requirements import CLOUDPICKLE, OWN_CODE, modules_of, requirements_of
from kubeserve.served import Served
from watcher.client import pushing
from watcher.client.bundle import EXAMPLE, Bundle, bundle_of, name_of
from watcher.client.checking import Outcome, checked
from watcher.client.contexts import chosen
from watcher.client.names import model_named
from watcher.client.report import Report, Silent
from watcher.core.naming import ARTIFACT, REQUIREMENTS, VALUES
from watcher.core.text import one_line


def push(
    model: Any,
    name: str = "",
    *,
    example: Any = None,
    requirements: Sequence[str] | None = None,
    values: Mapping[str, Any] | None = None,
    namespace: str = "",
    version: str = "auto",
    context: str = "",
    force: bool = False,
    wait: bool = True,
    timeout: float = 300.0,
    quiet: bool = False,
) -> Served:
    """Upload a fitted model, or a file or folder of one, and return it when it serves.

    Args:
        model: A fitted estimator, or the path of a model file, of a folder with one, or of an MLflow model directory.
        name: The model's name; a path has one of its own.
        example: A few rows of its input: a DataFrame, an array, or lists. They decide the form of the input.
        requirements: Lines of requirements.txt. Without them, they are inferred for a model that loads as code.
        values: Replicas, resources and settings, as in values.yaml.
        namespace: The namespace; otherwise that of the context.
        version: The version; `auto` is the one after the highest.
        context: The name of a context of `kubeserve context`; otherwise the current one.
        force: Overwrite the version if it exists.
        wait: Return when the version serves, rather than after the upload.
        timeout: Seconds to wait.
        quiet: Print nothing.

    Raises:
        Error: it was not uploaded, or does not serve; the sentence says why.

    """
    with one_sentence(), tempfile.TemporaryDirectory(prefix="kubeserve-push-") as folder:
        found = chosen(os.environ, context, namespace=namespace)
        given = Path(model) if isinstance(model, str | os.PathLike) else None
        bundle = bundle_of(given) if given else Bundle(_dumped(model, Path(folder)))
        if not name and given is None:
            raise Error("NoName", 'a model in memory has no name: say name="…"')
        wanted = model_named(name or name_of(given or Path()), found.namespace)
        bundle = _with_files(bundle, example, requirements, values)
        report = Silent() if quiet else Printed()
        if given is None and requirements is None:
            bundle = _with_inferred(bundle, model, example, report)
        options = pushing.Options(version=version, force=force, wait=wait, seconds=timeout)
        done = pushing.push(found, wanted, bundle, options, report)
    return Served(wanted.namespace, wanted.name, done.version, done.step.url.rstrip("/"), done.source, done.call)


def _dumped(model: Any, folder: Path) -> Path:
    """Save the model; with cloudpickle if it has classes or functions of a notebook or script.

    Raises:
        Error: `Unsaved`, it cannot be saved; the sentence says why.

    """
    import joblib  # noqa: PLC0415 - whoever has a fitted model has it

    path, modules = folder / ARTIFACT, modules_of(model)
    if OWN_CODE in modules:
        advice = "pip install cloudpickle, or put it into a package"
        raise Error("Unsaved", f"the model has a class or function of this notebook or script: {advice}")
    try:
        if CLOUDPICKLE in modules:
            import cloudpickle  # noqa: PLC0415 - only for models that need it

            path.write_bytes(cloudpickle.dumps(model))
        else:
            joblib.dump(model, path)
    except Exception as error:  # whatever a model raises is one sentence for its owner
        raise Error("Unsaved", f"the model cannot be saved: {type(error).__name__}: {error}") from error
    return path


def _with_files(
    bundle: Bundle, example: Any, requirements: Sequence[str] | None, values: Mapping[str, Any] | None
) -> Bundle:
    """Return the bundle with the files that the arguments make."""
    import yaml  # noqa: PLC0415 - `import kubeserve` is quick without it

    files = dict(bundle.side_files)
    if example is not None:
        files[EXAMPLE] = example_of(example)
    if requirements:
        files[REQUIREMENTS] = "".join(f"{line}\n" for line in requirements).encode()
    if values:
        files[VALUES] = yaml.safe_dump(dict(values)).encode()
    return replace(bundle, side_files=files)


def _with_inferred(bundle: Bundle, model: Any, example: Any, report: Report) -> Bundle:
    """Return the bundle with the packages that the model needs: none if its server reads it as data."""
    if checked(bundle).outcome is Outcome.DATA:
        return bundle
    named_columns = is_frame(example) or hasattr(model, "feature_names_in_")
    lines = requirements_of(modules_of(model), named_columns=named_columns)
    if not lines:
        return bundle
    report.line(REQUIREMENTS, ", ".join(lines))
    content = "".join(f"{line}\n" for line in lines).encode()
    return replace(bundle, side_files={**bundle.side_files, REQUIREMENTS: content})


class Printed(Silent):
    """Prints a line for each step."""

    def line(self, word: str, text: str) -> None:
        """Print the step."""
        print(f"{word:10}  {one_line(text)}")  # noqa: T201 - the output of a notebook's cell
