from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lz4.frame
import numpy as np
import pytest

from server.model.pickledata import bounds, files
from server.model.pickledata.files import contents, read
from server.model.pickledata.records import Unknown, Unreadable
from tests.unit.server.fitted_models import DIRECT, OTHERS, fitted
from tests.unit.server.model.pickledata.agreement import assert_agree

COMPRESSIONS = [0, 3, ("zlib", 9), ("gzip", 1), ("bz2", 9), ("lzma", 9), ("xz", 0), ("lz4", 3)]
VALUES = {
    "large": np.arange(100_000.0),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "words": np.array(["a", "bc", "é"]),
    "objects": np.array(["a", None, 3, {"inner": np.arange(3)}], dtype=object),
    "plain": [1, 2.5, "text", b"bytes", None, True, (1, 2), {"key": {1, 2}}],
}


def dumped(value: Any, folder: Path, **options: Any) -> Path:
    path = folder / "model.joblib"
    joblib.dump(value, path, **options)
    return path


@pytest.mark.parametrize("compression", COMPRESSIONS, ids=str)
def test_file_of_each_compression_is_read_as_the_values_that_were_saved(compression: Any, tmp_path: Path) -> None:
    assert_agree(read(dumped(VALUES, tmp_path, compress=compression)), VALUES)


STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("name", STREAMS)
def test_file_of_several_streams_is_read_as_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, compress = dumped(VALUES, tmp_path), STREAMS[name]
    data = path.read_bytes()
    cut = [compress(data[at : at + 300_000]) for at in range(0, len(data), 300_000)]
    assert len(cut) > 2
    for rest in (b"and other bytes", compress(data)[:1], b""):
        path.write_bytes(b"".join(cut) + rest)
        assert_agree(read(path), VALUES)
    if name != "gzip":  # joblib waits for ever
        assert_agree(joblib.load(path), VALUES)
    monkeypatch.setattr(bounds, "MAX_STREAMS", 2)
    with pytest.raises(Unknown, match="compressed streams"):
        read(path)


def test_file_of_several_streams_of_zlib_ends_after_the_first(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(zlib.compress(pickle.dumps([1])[:4]) + zlib.compress(pickle.dumps([1])[4:]))
    with pytest.raises(Unreadable, match="ends"):
        read(path)


@pytest.mark.parametrize("protocol", range(6))
def test_file_of_each_protocol_is_read_as_the_values_that_were_saved(protocol: int, tmp_path: Path) -> None:
    assert_agree(read(dumped(VALUES, tmp_path, protocol=protocol)), VALUES)
    path = tmp_path / "plain.pkl"
    path.write_bytes(pickle.dumps(VALUES, protocol))
    assert_agree(read(path), VALUES)


@pytest.mark.parametrize("name", {**DIRECT, **OTHERS})
def test_record_of_a_file_agrees_with_the_record_of_the_live_estimator(name: str, tmp_path: Path) -> None:
    estimator = fitted(name)
    assert_agree(read(dumped(estimator, tmp_path)), estimator)


@pytest.mark.parametrize("protocol", range(6))
def test_record_of_a_plain_pickle_agrees_with_the_live_estimator(protocol: int, tmp_path: Path) -> None:
    for name in ("scaled logistic", "forest of two", "searched", "histogram boosting"):
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps(fitted(name), protocol))
        assert_agree(read(path), fitted(name))


def test_frame_of_joblib_before_1_2_is_read_without_alignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.numpy_pickle.NumpyArrayWrapper.__init__", old_wrapper)
    path = dumped(VALUES, tmp_path)
    assert b"numpy_array_alignment_bytes" not in path.read_bytes()
    assert_agree(read(path), VALUES)


def old_wrapper(
    self: Any, subclass: Any, shape: Any, order: Any, dtype: Any, allow_mmap: Any = False, **_: Any
) -> None:
    self.subclass, self.shape, self.order, self.dtype, self.allow_mmap = subclass, shape, order, dtype, allow_mmap


def test_large_array_is_a_view_of_the_map_and_a_small_one_is_not(tmp_path: Path) -> None:
    found = read(dumped([np.arange(100_000.0), np.arange(10.0)], tmp_path))
    assert not found[0].flags.owndata
    assert not found[0].flags.writeable
    assert found[0].ctypes.data % bounds.ALIGNMENT == 0
    assert found[1].flags.writeable


def test_memory_map_is_read_as_an_array(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "values", dtype=np.float64, mode="w+", shape=(5,))
    mapped[:] = np.arange(5)
    assert_agree(read(dumped([mapped], tmp_path)), [np.arange(5.0)])


# ---- files that are not read


def test_file_compressed_with_lz4_is_unknown_without_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(b"\x04\x22\x4d\x18" + bytes(20))
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(Unknown, match="without the package lz4"):
        read(path)


COMPRESSORS = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("name", COMPRESSORS)
def test_file_that_was_cut_off_is_unreadable(name: str, tmp_path: Path) -> None:
    whole = COMPRESSORS[name](pickle.dumps(VALUES))
    path = tmp_path / "model.joblib"
    for length in (10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(Unreadable, match=r"ends too early|damaged"):
            read(path)


@pytest.mark.parametrize("name", COMPRESSORS)
def test_file_with_damaged_bytes_is_unreadable(name: str, tmp_path: Path) -> None:
    whole = bytearray(COMPRESSORS[name](np.random.default_rng(0).bytes(5000)))
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "model.joblib"
    path.write_bytes(whole)
    with pytest.raises(Unreadable):
        read(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "model file is empty"),
        (b"hello, I am a text", r"not written by joblib or pickle: it begins with b'hello, I am a te'"),
        (b"<html><body>403</body></html>", r"not written by joblib or pickle: it begins with b'<html><body>403<'"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it begins with b'version https://'"),
        (pickle.dumps(VALUES)[:-5], "ends too early"),
        (b"\x80\x04", "ends too early"),
        (b"\x80\x04NN.", "does not end with one value"),
    ],
)
def test_file_that_is_no_model_is_unreadable_in_words(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=words):
        read(path)


def test_missing_file_raises_what_open_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "model.joblib")


def test_format_of_the_oldest_joblib_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(b"ZF0x10               " + bytes(30))
    with pytest.raises(Unknown, match=r"joblib before 0\.10"):
        read(path)


# ---- bounds of decompression


@pytest.mark.parametrize("name", COMPRESSORS)
def test_file_may_expand_to_a_multiple_of_its_size(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "INFLATED_PIECE", 1 << 16)
    monkeypatch.setattr(bounds, "MIN_INFLATED", 1 << 20)
    path = tmp_path / "model.joblib"
    path.write_bytes(COMPRESSORS[name](bytes(1 << 20)))
    size = path.stat().st_size
    assert len(contents(path)) == 1 << 20
    too_much = (1 << 20) + bounds.INFLATED_PER_BYTE * size * 2 + (1 << 20)
    path.write_bytes(COMPRESSORS[name](bytes(too_much)))
    with pytest.raises(Unknown, match="decompresses to more than"):
        contents(path)


def test_file_may_not_expand_to_more_than_the_absolute_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_INFLATED", 1 << 20)
    path = tmp_path / "model.joblib"
    path.write_bytes(zlib.compress(np.random.default_rng(0).bytes((1 << 20) + 1)))
    with pytest.raises(Unknown, match="decompresses to more than 1 MiB"):
        contents(path)


def test_dictionary_of_lzma_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": bounds.LZMA_MEMORY * 2}]
    for kind, options in ((lzma.FORMAT_ALONE, filters), (lzma.FORMAT_XZ, [{**filters[0], "id": lzma.FILTER_LZMA2}])):
        path.write_bytes(with_dictionary(kind, options))
        with pytest.raises(Unknown, match="too large a dictionary of lzma"):
            contents(path)


def with_dictionary(kind: int, options: Any) -> bytes:
    return lzma.compress(pickle.dumps(3), kind, filters=options)


def test_every_compression_of_joblib_is_known() -> None:
    from joblib.compressor import _COMPRESSORS
    from joblib.numpy_pickle_utils import _ZFILE_PREFIX

    prefixes = {compressor.prefix for compressor in _COMPRESSORS.values()} | {_ZFILE_PREFIX}
    assert all(any(prefix.startswith(magic) for magic in files.DECOMPRESSORS) for prefix in prefixes)
    assert len(prefixes) == len(files.DECOMPRESSORS)
