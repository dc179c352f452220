"""Every bound of reading a model file as data.

A file is hostile until it is read: each bound limits the time, the memory or the recursion that its bytes can cause.
All honest files of tests/ are far below. A file above a bound is `Unknown`, because code may still be able to load it.

The peak of memory while a raw file is read is at most `MEMORY_FLOOR` + `MEMORY_PER_BYTE` × its bytes, and usually much
less. A compressed file counts as one of `COUNTED_PER_STORED` × its size, and its decompressed bytes are added: at most
`MIN_INFLATED` + `INFLATED_PER_BYTE` × its size. tests/unit/server/model/pickledata/test_memory.py measures that.
"""

from __future__ import annotations

MIB = 1 << 20

# ---- the file

INFLATED_PER_BYTE = 40
"""Bytes of a pickle for each byte of its compressed file. A forest compresses to a fifth, sparse weights to a 20th."""
MIN_INFLATED = 32 * MIB
"""Bytes that a compressed file of any size may expand to: 4 million weights, were they all zero."""
MAX_INFLATED = 4096 * MIB
"""Bytes of a decompressed pickle: more fits into no usual pod. A raw file is mapped, so its size has no bound."""
LZMA_MEMORY = 128 * MIB
"""Bytes of the decompressor's dictionary, which the file chooses. `lzma -9`, the largest preset, needs 65 MiB."""
INFLATED_PIECE = 4 * MIB
"""Bytes that are decompressed at once, between two looks at the bounds."""
MAX_STREAMS = 1_000
"""Compressed streams in one file. joblib writes one."""
READ_PIECE = MIB
"""Bytes of a compressed file that are read at once."""

# ---- memory in all, as sums of what follows

MEMORY_PER_BYTE = 80
"""Bytes of memory for each byte of a raw file, at most: 64 for the objects that an opcode makes, 16 for copies."""
MEMORY_FLOOR = 32 * MIB
"""Bytes of memory that a file of any size may use beside that: MIN_OBJECTS, MIN_OPCODES and MIN_COPIED together."""
COUNTED_PER_STORED = 8
"""Bytes of a decompressed pickle that count for the budgets below, for each byte of its compressed file."""

# ---- the pickle

MAX_OPCODES = 20_000_000
"""Opcodes of one file: a few seconds. A vocabulary of a million words has 4 million; arrays have none."""
MIN_OPCODES = 100_000
"""Opcodes that a file of any size may have. There is a further one for each byte that counts."""
MAX_OBJECTS = 2_000_000
"""Lists, dicts, sets, tuples, marks, names and records of one file, of up to 250 bytes each."""
MIN_OBJECTS = 50_000
"""Objects that a file of any size may have."""
BYTES_PER_OBJECT = 4
"""Bytes that count for each further object. A set of 232 bytes needs one byte of a hostile file; a pair of small
numbers in an honest one needs five."""
COPIED_PER_BYTE = 16
"""Bytes of copied values for each byte that counts: an item of an array of objects takes 8, of a set up to 100.
Values that are only looked at count too, because that takes time."""
MIN_COPIED = MIB
"""Bytes of copied values that a file of any size may have."""
MAX_STACK = 1_000_000
"""Values on the stack. A pickler puts at most 1,000 items of a list there at once, but all of a tuple's."""
OPCODES_PER_CHECK = 64
"""Opcodes between two looks at the bounds of opcodes and stack, which may be exceeded by this number."""
MAX_TEXT = 16 * MIB
"""Bytes of one string: a booster's JSON may have megabytes."""
MAX_NAME = 150
"""Characters of the name of a class or a function, with its module. The longest of scikit-learn has 88."""
MAX_INTEGER = 32
"""Bytes of an integer. A random generator's state has 17."""
MAX_DIGITS = 40
"""Digits of an integer in protocol 0: reading them takes quadratic time."""
MAX_LINE = 1024
"""Bytes of one line in protocol 0, except for texts."""
MEMO_GAP = 16
"""Places that a PUT may leave free in the memo. Picklers count from 0, or from 1; a hostile one from 2³²."""
MAX_PICKLE_DEPTH = 1
"""Pickles inside the pickle: joblib writes an array of objects as one."""

# ---- keys of dicts and items of sets

MAX_KEY_TEXT = 4096
"""Bytes or characters of a key: equal texts are compared to their end whenever one of them is set again."""
MAX_KEY_INTEGER = 1 << 60
"""Integers of Python have equal hashes above 2⁶¹ - 1: a dict of such keys takes quadratic time."""
MAX_KEY_ITEMS = 64
"""Items of a tuple that is a key; each is a plain value."""
MAX_TUPLE_KEYS = 1_000
"""Tuples that are keys, in one file: their hashes can be made equal too."""

# ---- arrays

MAX_DIMENSIONS = 8
"""Dimensions of an array."""
MAX_VALUES = 1 << 40
"""Values of an array, and of each dimension. The bytes that remain in the file are the bound of what is not empty."""
MAX_ITEM = 1 << 16
"""Bytes of one value: of a string, or of a record with fields. A tree's node has 64."""
MAX_FIELDS = 64
"""Fields of a record. A node of a histogram tree has 13."""
MAX_COPIED = 1 << 16
"""Bytes of an array that is copied, so that a page of the file is not kept for it. Larger ones are views of the map."""
ALIGNMENT = 16
"""Bytes. NumPy's own arrays begin at a multiple, and BLAS may sum in another order where one does not."""
