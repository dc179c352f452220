"""What a classifier keeps of the encoding of its labels: a LabelEncoder or a LabelBinarizer.

Source: sklearn/preprocessing/_label.py. scikit-learn decodes by these, and not always by the classifier's `classes_`:
both must be the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from server.model.families.state import State, keys


def require_encoder(state: State, key: str, classes: Any) -> None:
    """Raise `Unknown` unless this attribute is a LabelEncoder of these classes."""
    if not same_classes(state.inside(key, ENCODER_KEYS, ENCODER).labels(), classes):
        raise state.unknown(key)


def binarized(state: State, key: str, negative: int) -> tuple[Any, str]:
    """Return the classes of a LabelBinarizer, and the kind of labels that it was fitted on.

    It writes a label as 1 and any other as `negative`. Up to 1.7, `classes_` of some classifiers was a property that
    returned the binarizer's.
    """
    binarizer = state.inside(key, BINARIZER_KEYS, BINARIZER)
    classes, kind = binarizer.labels(), binarizer.word("y_type_", "binary", "multiclass", "multilabel-indicator")
    if (binarizer.integer("neg_label", -1), binarizer.integer("pos_label")) != (negative, 1):
        raise state.unknown(key)
    if binarizer.flag("sparse_input_"):  # predictions are sparse, too
        raise state.unknown(key)
    if "classes_" in state.values and not same_classes(state.labels(), classes):
        raise state.unknown("classes_")
    return classes, str(kind)


def same_classes(found: Any, expected: Any) -> bool:
    """Return whether this is an array of the expected classes, in their order and of their dtype."""
    return type(found) is np.ndarray and found.dtype == expected.dtype and np.array_equal(found, expected)


def are_codes(classes: Any, count: int) -> bool:
    """Return whether these classes are the numbers 0, 1, …: their estimator was fitted on encoded labels."""
    return type(classes) is np.ndarray and classes.dtype.kind in "iu" and classes.tolist() == list(range(count))


ENCODER = "sklearn.preprocessing._label.LabelEncoder"
ENCODER_KEYS = keys("classes_")
BINARIZER = "sklearn.preprocessing._label.LabelBinarizer"
BINARIZER_KEYS = keys("neg_label pos_label sparse_output y_type_ sparse_input_ classes_")
