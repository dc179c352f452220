"""The init container's program: fetch one model, and install what its requirements.txt names.

It has the store's keys and runs next to text that an uploader wrote, so it shares nothing with the server's process.
"""

from server.download.installer import install

__all__ = ["install"]
