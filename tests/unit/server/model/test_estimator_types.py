"""The tables for models that are read as data say what scikit-learn's own classes say."""

from __future__ import annotations

import importlib
from inspect import Parameter, signature
from typing import Any

import pytest
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from server.model.estimator_types import is_of_scikit_learn, library_of, tags_of
from server.model.families.registry import KNOWN, MAX_DEPTH
from server.model.fitted_parts import INNER
from server.model.pickledata.records import Record, as_record
from server.model.recorded_estimator import RecordedEstimator

BASES_THAT_ARE_ASKED = (
    *INNER,
    *("BaseEstimator", "DummyClassifier", "DummyRegressor", "FeatureHasher", "FunctionTransformer", "SimpleImputer"),
    *("_BaseEncoder", "_BaseNMF"),
)
ARGUMENTS: dict[str, Any] = {
    "estimator": LogisticRegression(),
    "estimators": [("a", LogisticRegression())],
    "param_distributions": {},
    "param_grid": {},
    "steps": [("a", LogisticRegression())],
    "transformer_list": [("a", StandardScaler())],
    "transformers": [],
}
"""What classes need that are made of other estimators."""
TAGS = ("two_d_array", "string", "dict", "allow_nan")
OF_SCIKIT_LEARN = [name for name in KNOWN if name.startswith("sklearn.")]


def kind_of(name: str) -> Any:
    module, _, kind = name.rpartition(".")
    return getattr(importlib.import_module(module), kind)


@pytest.mark.parametrize("name", OF_SCIKIT_LEARN)
def test_bases_of_a_known_class_are_those_of_the_class(name: str) -> None:
    kind, made = kind_of(name), RecordedEstimator(Record(name, state={}))
    for base in BASES_THAT_ARE_ASKED:
        expected = base in {each.__name__ for each in kind.__mro__}
        assert is_of_scikit_learn(made, base) == expected, base
    assert (library_of(made), made.class_name) == ("sklearn", kind.__name__)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # some are deprecated
@pytest.mark.parametrize("name", OF_SCIKIT_LEARN)
def test_tags_of_a_known_class_are_those_of_scikit_learn(name: str) -> None:
    kind = kind_of(name)
    names = [each.name for each in signature(kind).parameters.values() if each.default is Parameter.empty]
    if kind is SelfTrainingClassifier:  # its default is none
        names.append("estimator")
    assert_same_tags(kind(**{name: ARGUMENTS[name] for name in names}))


@pytest.mark.parametrize(
    "live",
    [
        SimpleImputer(missing_values=-1),
        FeatureHasher(input_type="string"),
        BaggingClassifier(LogisticRegression()),
        BaggingClassifier(DecisionTreeClassifier()),
        VotingClassifier([("a", DecisionTreeClassifier()), ("b", DecisionTreeClassifier())]),
        VotingClassifier([("a", DecisionTreeClassifier()), ("b", LogisticRegression())]),
    ],
)
def test_tags_that_parameters_decide_are_those_of_scikit_learn(live: Any) -> None:
    assert_same_tags(live)


def assert_same_tags(live: Any) -> None:
    expected, found = tags_of(live).input_tags, tags_of(with_records(live)).input_tags
    assert [getattr(found, tag) for tag in TAGS] == [getattr(expected, tag) for tag in TAGS]


def with_records(live: Any) -> RecordedEstimator:
    """Return the estimator as it is read from a file: those inside it are records too."""
    record = as_record(live)
    for name in ("estimator", "estimators"):
        inner = record.state.get(name)
        if isinstance(inner, list):
            record.state[name] = [(key, as_record(each)) for key, each in inner]
        elif inner is not None:
            record.state[name] = as_record(inner)
    return RecordedEstimator(record)


def test_tags_of_an_estimator_inside_itself_are_found() -> None:
    bagging = Record("sklearn.ensemble._bagging.BaggingClassifier", state={})
    bagging.state["estimator"] = bagging
    assert not tags_of(RecordedEstimator(bagging)).input_tags.allow_nan


@pytest.mark.parametrize(("depth", "known"), [(MAX_DEPTH - 1, True), (60, False), (5000, False)])
def test_tags_of_members_that_share_their_members_are_found_in_linear_time(depth: int, known: bool) -> None:
    member = as_record(DecisionTreeClassifier())
    for _ in range(depth):
        state = {"estimators": [("a", member), ("b", member)]}
        member = Record("sklearn.ensemble._voting.VotingClassifier", state=state)
    assert tags_of(RecordedEstimator(member)).input_tags.allow_nan == known


def test_class_of_another_library_is_not_of_scikit_learn() -> None:
    made = RecordedEstimator(Record("other.GridSearchCV", state={}))
    assert not is_of_scikit_learn(made, "BaseSearchCV", "BaseEstimator")
    assert library_of(made) == "other"
