"""Install a checked requirements.txt by pip, in an environment that holds no key."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from requirements_txt.parsing import MAX_NAME, Package
from server.download.disk import Disk
from server.errors import ModelError, VersionError
from server.paths import REQUIREMENTS
from server.text import one_line

log = structlog.get_logger()

PIP_SECONDS = 600.0
"""Seconds. As long as the Deployment's progressDeadlineSeconds: after that Kubernetes calls the rollout failed."""

CHECK_SECONDS = 0.5
"""Seconds between two looks at the disk. The kubelet looks about every ten seconds."""

OUTPUT_TAIL = 1024 * 1024
"""Bytes of pip's output that are searched for the cause of a failure."""

LOGGED_LINES = 5

ENVIRONMENT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "SSL_CERT_DIR", "SSL_CERT_FILE")
PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
"""The only variables that pip inherits, the proxies in lower case too. None of them holds a key of the store."""

FAILED = "requirements.txt cannot be installed"
HERE = f"Python {sys.version_info.major}.{sys.version_info.minor} on {platform.system()} {platform.machine()}"
INDEX = "the package index (KUBESERVE_PIP_INDEX_URL, or pypi.org)"

OUR_CAUSES = (
    (r"No module named pip", "pip is not installed in this Python"),
    (
        r"\[Errno (28|122)\]",
        "no space is left on the disk: make room there, or name fewer packages",
    ),
    (r"\[Errno 30\]", "the file system is read-only"),
    (r"\[Errno 13\]", "permission to write the packages is denied"),
)
"""What pip's output shows of this machine, and our sentence for it. Searched first."""

FILE_CAUSES = (
    (r"DO NOT MATCH THE HASHES", "a file on the package index has another hash than its --hash"),
    (
        r"--require-hashes mode",
        "a dependency is not listed with its --hash: pip-compile --generate-hashes lists them all",
    ),
    (r"ERROR: ResolutionImpossible|conflicting dependencies", "the requested versions exclude each other"),
    (r"Wheel .* is invalid|BadZipFile|inconsistent (version|name)", "a file on the package index is not a valid wheel"),
)
"""The same, of requirements.txt itself: with this file pip fails again. Searched second."""

INDEX_CAUSES = (
    (
        r"[Pp]roxy connection error|(Unable to|Cannot) connect to proxy|Tunnel connection failed",
        "the proxy (HTTPS_PROXY) fails",
    ),
    (r"(?i)certificate.verify.failed", f"the certificate of {INDEX} is not trusted: set KUBESERVE_PIP_CERT"),
    (r"SSLError|not a trusted or secure host", f"{INDEX} does not speak TLS as its URL says"),
    (r"Failed to resolve|Name or service not known|name resolution", f"the name of {INDEX} cannot be resolved (DNS)"),
    (r"Connection refused", f"{INDEX} refuses the connection"),
    (r"ConnectTimeout|ReadTimeout|timed out", f"{INDEX} does not answer in time"),
    (r"(401|407) Client Error|403 Client Error", f"{INDEX} refuses access: check its user and password"),
    (r"too many 5\d\d|5\d\d Server Error|\b429 Client", f"{INDEX} is out of order or busy"),
    (r"connection broken by|Max retries exceeded|connection error|IncompleteRead", f"{INDEX} cannot be reached"),
)
"""The same, of the package index and the way to it. Searched third. The image may have a pip that is years older."""

NO_MATCH = re.compile(r"No matching distribution found for ([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Index:
    """Where packages come from: the operator's choice, never the uploader's. Empty: pip's default, pypi.org."""

    url: str = ""
    certificates: str = ""

    def check(self) -> None:
        """Raise ModelError unless both are usable. The URL is never shown: it may hold a password."""
        if self.certificates and not os.access(self.certificates, os.R_OK):
            raise ModelError(
                f"KUBESERVE_PIP_CERT: {self.certificates} cannot be read: expected a file of certificates (PEM)"
            )
        if not self.url:
            return
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            valid = False
        if not valid or not self.url.isprintable() or " " in self.url:
            raise ModelError("KUBESERVE_PIP_INDEX_URL: expected a URL such as https://pypi.example/simple")

    def lines(self) -> list[str]:
        """Return options for the requirements file. On the command line a password would be in the process list.

        An index without TLS must be trusted explicitly, and the operator did that by choosing it.
        """
        if not self.url:
            return []
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        # pip expands variables in this file; a percent sign for the dollar is the same URL.
        url = self.url.replace("$", "%24")
        return [f"--index-url {url}", *([f"--trusted-host {host}"] if parts.scheme == "http" else [])]


def install(
    packages: Sequence[Package],
    target: Path,
    index: Index,
    disk: Disk,
    *,
    resolved: Sequence[Package] = (),
    model: Path | None = None,
    seconds: float = PIP_SECONDS,
) -> None:
    """Install the packages, and what they need, into the folder `target`.

    What is `resolved` gets no other version. The files of the folder `model` count against the disk's limit.

    Raises:
        ModelError: pip fails, or the packages do not fit on the disk. The sentence is ours: pip's own may quote
            anything.

    """
    index.check()
    if not packages:
        return
    log.info("installing requirements.txt", packages=len(packages))
    with tempfile.TemporaryDirectory(prefix="kubeserve-pip-") as folder:
        scratch = Path(folder)
        listed, constraints = scratch / REQUIREMENTS, scratch / "constraints.txt"
        listed.write_text("\n".join([*index.lines(), *map(str, packages)]) + "\n")
        constraints.write_text("".join(f"{item}\n" for item in resolved))
        pip = [*command(listed, target, packages, index), "--constraint", str(constraints)]
        run_pip(pip, scratch, disk, seconds, [model] if model else [])


def command(listed: Path, target: Path, packages: Iterable[Package], index: Index) -> list[str]:
    """Return pip's command line. `-I` keeps the working directory and PYTHON… variables out of it.

    `-vv` is for `cause_of`: without it pip does not say why a file of the index was passed over.
    """
    pip = [sys.executable, "-I", "-X", "utf8", "-m", "pip", "install", "-vv", "--isolated", "--no-input"]
    pip += ["--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off"]
    pip += ["--retries", "3", "--timeout", "15", "--target", str(target), "--upgrade"]
    pip += ["--require-hashes"] if any(package.hashes for package in packages) else []
    pip += ["--cert", index.certificates] if index.certificates else []
    return [*pip, "--requirement", str(listed)]


def run_pip(command: list[str], scratch: Path, disk: Disk, seconds: float, counted: Sequence[Path] = ()) -> None:
    output = scratch / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(  # noqa: S603 - our own arguments; the requirements are checked
            command,
            env=environment(os.environ, scratch),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            code = wait(process, [scratch, *counted], disk, seconds)
        except BaseException:  # a signal's too: pip must not outlive this process
            process.kill()
            raise
    if code == 0:
        return
    text = tail(output)
    log_errors(text)
    error, cause = cause_of(text, code)
    raise error(f"{FAILED}: {cause}")


def wait(process: subprocess.Popen[bytes], counted: Sequence[Path], disk: Disk, seconds: float) -> int:
    """Return pip's exit code. The files in `counted` are the same pod's.

    Raises:
        ModelError: pip needs more than `seconds`, or more disk than there is.

    """
    end = time.monotonic() + seconds
    while True:
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(CHECK_SECONDS)
        try:
            disk.check_use(*counted)
        except ModelError as error:
            raise type(error)(f"{FAILED}: {error}") from error
        if code is not None:
            return code
        if time.monotonic() > end:
            raise ModelError(f"{FAILED}: pip needs more than {seconds:.0f} s")


def environment(inherited: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return pip's environment, from an allow-list: what is not named there cannot leak.

    All temporary files of pip are below `home`, where they are counted, and removed with it.
    """
    allowed = {*ENVIRONMENT, *PROXIES, *map(str.lower, PROXIES)}
    return {key: value for key, value in inherited.items() if key in allowed} | {"HOME": str(home), "TMPDIR": str(home)}


def tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - OUTPUT_TAIL))
        return file.read(OUTPUT_TAIL).decode(errors="replace")


def log_errors(text: str) -> None:
    """Log pip's own last error lines, for whoever operates the index. They never become a status or an Event."""
    errors = [line for line in text.splitlines() if line.startswith(("ERROR:", "Could not fetch URL"))]
    for line in errors[-LOGGED_LINES:]:
        log.warning("pip", line=one_line(line, 300))


def cause_of(text: str, code: int) -> tuple[type[ModelError], str]:
    """Return whose fault it is that pip failed, and why in our words; of its output only a package's name is shown."""
    if code < 0:
        error = VersionError if -code == signal.SIGKILL else ModelError
        return error, f"pip was ended by signal {-code}: if that is 9, raise the memory limit"
    for error, causes in ((ModelError, OUR_CAUSES), (VersionError, FILE_CAUSES), (ModelError, INDEX_CAUSES)):
        for pattern, sentence in causes:
            if re.search(pattern, text):
                return error, sentence
    if found := NO_MATCH.search(text):
        return VersionError, no_match(found[1], text)
    return ModelError, f"pip failed with exit code {code}; its log has more"


def no_match(name: str, text: str) -> str:
    """Return why the index has nothing for a package."""
    shown = name[:MAX_NAME]
    if f"No sources permitted for {name}" in text:
        return f"{shown} has no wheel on the package index, only source code, which is not built here"
    if "none of the wheel's tags" in text or "require a different python" in text.lower():
        return f"no wheel of {shown} on the package index is for {HERE}"
    if "(from versions: none)" in text:
        return f"the package index has no package named {shown}"
    return f"the package index has no version of {shown} that fits for {HERE}"
