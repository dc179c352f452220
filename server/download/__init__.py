"""The init container's program: fetch one model, and install what its requirements.txt names.

It has the store's keys and handles text that an uploader wrote, so it shares nothing with the server's process.
Nothing is imported here: the program sets its signal handlers before it imports anything slow.
"""

from __future__ import annotations

from pathlib import Path


def install(folder: Path) -> None:
    """Install `folder`/requirements.txt into `folder`/packages from pip's default index.

    Raises:
        ModelError: the file is refused, or pip fails.

    """
    from server.download import installer  # noqa: PLC0415 - see above

    installer.install(folder)
