"""CalibratedClassifierCV: probabilities from the scores of other classifiers.

Source: sklearn/calibration.py (`CalibratedClassifierCV.predict_proba`, `_CalibratedClassifier.predict_proba`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.isotonic import ISOTONIC, ISOTONIC_KEYS, interpolation
from server.model.families.label_encoding import same_classes
from server.model.families.probabilities import BINARY
from server.model.families.state import Family, State, keys
from server.model.pickledata.compiled import EXPIT
from server.model.pickledata.records import name_of

CALIBRATED = "sklearn.calibration._CalibratedClassifier"
SIGMOID = "sklearn.calibration._SigmoidCalibration"

SCORES = ("decision_function", "predict_proba")
"""The first of these that a classifier has gives its scores."""


def calibrated(state: State) -> Part:
    """Return the mean of the probabilities of all calibrated classifiers."""
    classes = state.labels()
    members = [_Member(state, value, classes) for value in state.sequence("calibrated_classifiers_")]
    if not members or len(classes) < BINARY or len({member.part.width for member in members}) > 1:
        raise state.unknown("calibrated_classifiers_")
    methods = _methods([member.probabilities(member.part.methods[member.score]) for member in members], classes)
    direct = {}
    if all(member.score in member.part.direct for member in members):
        direct = _methods([member.probabilities(member.part.direct[member.score]) for member in members], classes)
    return Part(
        state.name,
        methods,
        direct,
        width=members[0].part.width,
        names=members[0].part.names,
        classes=classes,
        row_independent=all(member.row_independent for member in members),
        takes_sparse=all(member.part.takes_sparse for member in members),
    )


def _methods(members: Sequence[Call], classes: Any) -> dict[str, Call]:
    def predict_proba(X: Any) -> Any:
        total = np.zeros((len(X), len(classes)))
        for call in members:
            total += call(X)
        total /= len(members)
        return total

    return {"predict_proba": predict_proba, "predict": lambda X: classes[np.argmax(predict_proba(X), axis=1)]}


class _Member:
    """A classifier, and a calibrator for each of its scores."""

    def __init__(self, state: State, value: Any, classes: Any) -> None:
        """Read the record: it has no version of its own, since it is no estimator.

        Raises:
            Unknown: it is not as known.

        """
        record = state.as_record("calibrated_classifiers_", value, CALIBRATED)
        found = record.state if type(record.state) is dict else {}
        if found.keys() != {"estimator", "calibrators", "classes", "method"}:
            raise state.unknown("calibrated_classifiers_")
        self.part = state.build(found["estimator"])
        self.score = next((name for name in SCORES if name in self.part.methods), "")
        self._count = len(classes)
        listed = found["calibrators"]
        if (
            not self.score
            or type(listed) is not list
            or not same_classes(found["classes"], classes)
            or found["method"] not in ("sigmoid", "isotonic")
        ):
            raise state.unknown("calibrated_classifiers_")
        self._calibrators = [_calibrator(state, each) for each in listed]
        # NumPy's interpolation computes otherwise for few values than for many.
        self.row_independent = self.part.row_independent and found["method"] == "sigmoid"
        self._columns = self._columns_of_scores(state, classes)

    def _columns_of_scores(self, state: State, classes: Any) -> list[int]:
        """Return the class index of each score. A fold of a cross-validation may lack classes."""
        own = self.part.classes
        listed = classes.tolist()
        if type(own) is not np.ndarray or own.ndim != 1 or not set(own.tolist()) <= set(listed):
            raise state.unknown("calibrated_classifiers_")
        if self._count == BINARY:
            columns = [1] if len(own) == BINARY else []
        else:
            columns = [listed.index(label) for label in own.tolist()]
        # A classifier of two classes has one score for both.
        if len(columns) != len(self._calibrators) or (self._count > BINARY and len(columns) <= BINARY):
            raise state.unknown("calibrated_classifiers_")
        return columns

    def probabilities(self, score: Call) -> Call:
        """Return the method that computes the probabilities of all classes from this method's scores."""
        two, count = self._count == BINARY, self._count
        second = two and self.score == "predict_proba"

        def predict_proba(X: Any) -> Any:
            scores = score(X)
            scores = scores[:, 1:] if second else scores
            scores = scores.reshape(-1, 1) if scores.ndim == 1 else scores
            proba = np.zeros((len(X), count))
            # There may be more scores than classes: one for each pair. scikit-learn leaves the rest out.
            for column, calibrator, values in zip(self._columns, self._calibrators, scores.T, strict=False):
                proba[:, column] = calibrator(values)
            if two:
                proba[:, 0] = 1.0 - proba[:, 1]
            else:
                total = np.sum(proba, axis=1)[:, np.newaxis]
                proba = np.divide(proba, total, out=np.full_like(proba, 1 / count), where=total != 0)
            proba[(proba > 1.0) & (proba <= 1.0 + 1e-5)] = 1.0
            return proba

        return predict_proba


def _calibrator(state: State, value: Any) -> Call:
    """Return the function of a sigmoid or isotonic calibrator."""
    if name_of(value) == ISOTONIC:
        return interpolation(state.as_inside("calibrated_classifiers_", value, ISOTONIC_KEYS, ISOTONIC))
    sigmoid = state.as_inside("calibrated_classifiers_", value, keys("a_ b_"), SIGMOID)
    a, b = sigmoid.number("a_"), sigmoid.number("b_")
    return lambda values: EXPIT(-(a * values + b))


FAMILIES: Mapping[str, Family] = {
    "sklearn.calibration.CalibratedClassifierCV": Family(
        calibrated, keys("estimator base_estimator method cv n_jobs ensemble calibrated_classifiers_ classes_")
    ),
}
