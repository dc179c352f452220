"""A model file as records: the bytes of its pickle, mapped where they are raw and decompressed within bounds if not."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from server.model.pickledata import bounds
from server.model.pickledata.opcodes import read_pickle, read_tape
from server.model.pickledata.records import Unknown, Unreadable
from server.model.pickledata.tape import ENDS_EARLY, Buffer, Tape


class Decompressor(Protocol):
    """The interface of the decompressors of bz2 and lzma; `_Zlib` adapts that of zlib."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed stream was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more compressed bytes are needed before there is more output."""

    @property
    def unused_data(self) -> bytes | None:
        """The bytes after the end of the compressed stream; lz4 has None for none."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes."""


def read(path: str | os.PathLike[str]) -> Any:
    """Return what the file of joblib or pickle describes: plain values, arrays, records. Nothing that it names is run.

    Large arrays are views of the file if it is not compressed: it must not be changed in place afterwards.

    Raises:
        Unknown: it is a model file, but not one that is known as data.
        Unreadable: it is damaged or no model file.
        OSError: the file cannot be read.

    """
    path = Path(path)
    data = contents(path)
    return read_pickle(data, path.stat().st_size if isinstance(data, bytearray) else None)


def names_in(path: Path) -> tuple[list[str], str]:
    """Return the full names of all classes and functions that the file names, and "" if it was read to its end.

    If it was not, the second value says why, and the names are those before that place: loading the file as code would
    run what stands there, whatever comes after it. Nothing is imported or called.

    Raises:
        Unreadable: it is damaged or no model file, and names nothing before that place.
        OSError: the file cannot be read.

    """
    inflated, stopped = bytearray(), list[Unknown | Unreadable]()
    data: Buffer = inflated
    try:
        data = contents(path, inflated)
    except (Unknown, Unreadable) as error:
        stopped.append(error)
    tape = Tape(data, path.stat().st_size if isinstance(data, bytearray) else None)
    try:
        read_tape(tape)
    except (Unknown, Unreadable) as error:
        stopped.append(error)
    if stopped and isinstance(stopped[0], Unreadable) and not tape.names:
        raise stopped[0]
    return list(tape.names), str(stopped[0]) if stopped else ""


def contents(path: Path, inflated: bytearray | None = None) -> Buffer:
    """Return the bytes of the file's pickle.

    Those of a compressed file are written into `inflated`, which has the first ones after an error.

    Raises:
        Unknown: it would decompress to more than the bounds, or is compressed in a way that is not known.
        Unreadable: it is empty or damaged.
        OSError: the file cannot be read.

    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise Unreadable("model file is empty")
        head = file.read(max(map(len, DECOMPRESSORS)))
        for magic, make in DECOMPRESSORS.items():
            if head.startswith(magic):
                file.seek(0)
                return _inflated(file, size, magic, make, bytearray() if inflated is None else inflated)
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _inflated(file: BinaryIO, size: int, magic: bytes, make: Callable[[], Decompressor], whole: bytearray) -> bytearray:
    """Write the bytes of all streams of the file into `whole`, one after another, as joblib reads them; return it.

    After a stream of zlib nothing more is read. joblib waits for ever for the second stream of gzip; it is read here.
    """
    most = min(bounds.MAX_INFLATED, bounds.MIN_INFLATED + bounds.INFLATED_PER_BYTE * size)
    unit, piece = make(), b""
    for _ in range(bounds.MAX_STREAMS):
        while not unit.eof:
            if not piece and unit.needs_input:
                piece = file.read(bounds.READ_PIECE)
                if not piece:
                    raise Unreadable(ENDS_EARLY)
            whole += _decompressed(unit, piece)
            piece = b""
            if len(whole) > most:
                raise Unknown(f"a model file that decompresses to more than {most >> 20} MiB is not known as data")
        piece = unit.unused_data or b""
        piece += file.read(max(0, len(magic) - len(piece)))
        if magic == ZLIB or not piece.startswith(magic):
            return whole
        unit = make()
    raise Unknown(f"a model file of more than {bounds.MAX_STREAMS:,} compressed streams is not known as data")


def _decompressed(unit: Decompressor, piece: bytes) -> bytes:
    try:
        return unit.decompress(piece, bounds.INFLATED_PIECE)
    except MemoryError as error:
        raise Unknown("a model file that needs too much memory to be decompressed is not known as data") from error
    except Exception as error:
        if "memory" in str(error).lower():  # lzma's own error has no other sign
            raise Unknown("a model file with too large a dictionary of lzma is not known as data") from error
        raise Unreadable(f"model file is damaged: {str(error)[:100]}") from error


class _Zlib:
    """zlib's decompressor; `window` is 15 for zlib, 31 for gzip."""

    def __init__(self, window: int) -> None:
        import zlib  # noqa: PLC0415 - raw files need none of these modules

        self._unit = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._unit.eof

    @property
    def needs_input(self) -> bool:
        return not self._unit.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._unit.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._unit.decompress(self._unit.unconsumed_tail or data, max_length)


def _bz2() -> Decompressor:
    from bz2 import BZ2Decompressor  # noqa: PLC0415 - as above

    return BZ2Decompressor()


def _xz() -> Decompressor:
    import lzma  # noqa: PLC0415 - as above

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=bounds.LZMA_MEMORY)


def _lzma() -> Decompressor:
    import lzma  # noqa: PLC0415 - as above

    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=bounds.LZMA_MEMORY)


def _lz4() -> Decompressor:
    try:
        from lz4.frame import LZ4FrameDecompressor  # noqa: PLC0415 - an optional package of joblib
    except ImportError as error:
        raise Unknown("a model file compressed with lz4 is not known as data without the package lz4") from error
    made: Decompressor = LZ4FrameDecompressor()
    return made


def _old_joblib() -> Decompressor:
    raise Unknown("a model file of joblib before 0.10 is not known as data")


ZLIB = b"\x78"
DECOMPRESSORS: Mapping[bytes, Callable[[], Decompressor]] = {
    ZLIB: lambda: _Zlib(15),
    b"\x1f\x8b": lambda: _Zlib(31),
    b"BZ": _bz2,
    b"\xfd7zXZ": _xz,
    b"\x5d\x00": _lzma,
    b"\x04\x22\x4d\x18": _lz4,
    b"ZF": _old_joblib,
}
"""By the bytes that a compressed file begins with, as joblib/compressor.py has them. No pickle begins so."""
