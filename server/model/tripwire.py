"""Load a model as code, but import nothing that is not on the operator's list: joblib's own unpickler, with a check.

The check is by full name, before anything is imported. It is a tripwire, no boundary (`allow_list.py`).
"""

from __future__ import annotations

import pickle
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from server.errors import ModelError
from server.model.allow_list import AllowList, full_name
from server.model.pickledata.files import contents
from server.model.pickledata.records import Unknown

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Tripwire(NumpyUnpickler):  # type: ignore[misc] # joblib has no types
    """joblib's unpickler with a list of allowed names."""

    dispatch = NumpyUnpickler.dispatch.copy()

    def allow_only(self, allowed: AllowList, file: str) -> None:
        """Set the list, and the name of the file for errors."""
        self._allowed, self._file = allowed, file

    def find_class(self, module: str, name: str) -> Any:
        """Override: return a class or a function that is on the list. Raises NotAllowedError for any other."""
        self._allowed.require(full_name(module, name, self.proto), self._file)
        return super().find_class(module, name)

    def load_build(self) -> None:
        """Override: read an array of objects with the same check.

        It is a pickle of its own inside the file. Earlier versions of joblib, which a requirements.txt may bring, read
        it by `pickle.load`, without a check.
        """
        target, state = self.stack[-2:]
        if not isinstance(target, NumpyArrayWrapper):
            super().load_build()
            return
        if type(state) is not dict:
            raise pickle.UnpicklingError("an array's description is no dict")
        dtype = state.get("dtype", getattr(target, "dtype", None))
        if not getattr(dtype, "hasobject", True):
            super().load_build()
            return
        self.stack.pop()
        inner = pickle._Unpickler(self.file_handle)  # noqa: SLF001 - the base of joblib's
        inner.find_class = self._find_inner(inner)  # type: ignore[method-assign] # as joblib does
        self.stack[-1] = inner.load()

    dispatch[pickle.BUILD[0]] = load_build

    def _find_inner(self, inner: Any) -> Any:
        def find(module: str, name: str) -> Any:
            self._allowed.require(full_name(module, name, inner.proto), self._file)
            return pickle._Unpickler.find_class(inner, module, name)  # noqa: SLF001 - as above

        return find


class _Bytes(RawIOBase):
    """Reads a decompressed model without a second copy of it, which `BytesIO` would make."""

    def __init__(self, data: bytearray) -> None:
        self._left = memoryview(data)

    def readable(self) -> bool:
        """Override."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Override."""
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._left))
        target[:count], self._left = self._left[:count], self._left[count:]
        return count


def load_allowed(path: Path, allowed: AllowList) -> Any:
    """Return the file's object. Everything that is on the list may run.

    Raises:
        NotAllowedError: it names something else.
        ModelError: it is compressed in a way, or to a size, that is not read here.

    """
    try:
        data = contents(path)
    except Unknown as error:
        raise ModelError(
            f"{path.name} cannot be loaded with a list of allowed names (--code-allow): {error}"
        ) from error
    stream = BufferedReader(_Bytes(data)) if isinstance(data, bytearray) else data
    try:
        unpickler = Tripwire(str(path), stream, ensure_native_byte_order=True)
    except TypeError:  # joblib before 1.5
        unpickler = Tripwire(str(path), stream)
    unpickler.allow_only(allowed, path.name)
    return unpickler.load()
