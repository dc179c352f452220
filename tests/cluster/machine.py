"""Prepare the machine: root, Debian's packages for containers, the Go tools, and the images as files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from dev import debian, images, tools

from .containerd import PAUSE, PLUGINS

PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    f"{PLUGINS}/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ipset": "ipset",
    "modprobe": "kmod",
    "ip": "iproute2",
    "podman": "podman",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "sysctl": "procps",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "kubectl": "",
}
"""Program → Debian package; "" if Debian has none and we build the program."""

TOOLS = (
    *("minio", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"),
    *("kubectl", "helm", "metrics-server", "coredns", "kube-router", "pause"),
)

STAND_IN = "localhost/kubeserve-python-stand-in:bookworm"
"""Replaces `python:3.11-slim` where no registry is reachable: the same Debian with its own Python 3.11."""


class Unprepared(Exception):  # noqa: N818 - named after what is wrong
    """The cluster tests cannot run here; the message says what to do."""


def prepare(base: str) -> list[Path]:
    """Install, build, and return the archives of the images. Fast if everything exists."""
    if os.geteuid() != 0:
        raise Unprepared("the cluster tests start containers and create a network namespace: run them as root")
    debian.install(PROGRAMS)
    for name in TOOLS:
        tools.find(name)
    return [save(name) for name in (pause(), *build(base or stand_in()))]


def stand_in() -> str:
    """Return the base image, which is built once and kept by podman."""
    if subprocess.run(["podman", "image", "exists", STAND_IN], check=False).returncode != 0:
        say("building a Debian with Python as the base of the images (about a minute, once) …")
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            packages = "python3,python3-venv,ca-certificates"
            _run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root))
            _run("chroot", str(root), "apt-get", "clean")
            archive = Path(folder) / "root.tar"
            _run("tar", "-C", str(root), "-cf", str(archive), ".")
            _run("podman", "import", str(archive), STAND_IN)
    return STAND_IN


def build(base: str) -> list[str]:
    """Build both images from their real Dockerfiles, in a chroot, without the privileges of a container engine."""
    names = []
    for part in images.NAMES:
        say(f"building the image of the {part} …")
        images.build(part, images.image(part), base, ["--isolation=chroot", "--network=host"], quiet=True)
        names.append(images.image(part))
    return names


def pause() -> str:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(tools.find("pause"), Path(folder) / "pause")
        dockerfile = Path(folder) / "Dockerfile"
        dockerfile.write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
        _run("podman", "build", "--isolation=chroot", "-t", PAUSE, folder)
    return PAUSE


def save(name: str) -> Path:
    """Return the image as an archive, which is written again only if the image changed."""
    identity = _run("podman", "image", "inspect", "--format", "{{.Id}}", name).strip()
    folder = tools.cache_dir() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.replace("/", "_").replace(":", "_")
    archive = folder / f"{stem}-{identity[:12]}.tar"
    if not archive.exists():
        for old in folder.glob(f"{stem}-*.tar"):
            old.unlink()
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        _run("podman", "save", "--output", str(partial), name)
        partial.rename(archive)
    return archive


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unprepared(f"{' '.join(command[:3])} … failed: {' '.join(done.stderr.splitlines()[-3:])}")
    return done.stdout


def say(text: str) -> None:
    print(text, flush=True)
