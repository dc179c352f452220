"""Estimators that answer as the one inside them: searches for parameters, frozen and self-trained estimators.

Source: sklearn/model_selection/_search.py (`_search_estimator_has`), sklearn/frozen/_frozen.py,
sklearn/semi_supervised/_self_training.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from server.model.families.base import Part
from server.model.families.state import Family, State, keys

TRAINED_METHODS = ("predict", "predict_proba", "decision_function")
"""Those that SelfTrainingClassifier passes on."""


def search(state: State) -> Part:
    """Return the best estimator that a search found. One that was not refitted has none."""
    if state.values.get("refit") is False:
        raise state.unknown("refit")
    return state.child("best_estimator_")


def frozen(state: State) -> Part:
    """Return the estimator that is not fitted again."""
    return state.child("estimator")


def self_trained(state: State) -> Part:
    """Return the classifier that was trained on its own labels. Its name changed in 1.6."""
    inner = state.child("estimator_" if "estimator_" in state.values else "base_estimator_")
    return replace(
        inner,
        methods={name: call for name, call in inner.methods.items() if name in TRAINED_METHODS},
        direct={name: call for name, call in inner.direct.items() if name in TRAINED_METHODS},
        takes_sparse=False,
    )


SEARCH_KEYS = (
    "scoring estimator n_jobs refit cv verbose pre_dispatch error_score return_train_score scorer_ multimetric_"
    " _checked_cv_orig n_splits_ best_index_ best_params_ best_score_ best_estimator_ refit_time_ cv_results_"
)
HALVING_KEYS = (
    f"{SEARCH_KEYS} random_state factor resource min_resources max_resources aggressive_elimination _n_samples_orig"
    " min_resources_ max_resources_ n_candidates_ n_iterations_ n_possible_iterations_ n_remaining_candidates_"
    " n_required_iterations_ n_resources_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.frozen._frozen.FrozenEstimator": Family(frozen, keys("estimator")),
    "sklearn.model_selection._search.GridSearchCV": Family(search, keys(f"{SEARCH_KEYS} param_grid")),
    "sklearn.model_selection._search.RandomizedSearchCV": Family(
        search, keys(f"{SEARCH_KEYS} param_distributions n_iter random_state")
    ),
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV": Family(
        search, keys(f"{HALVING_KEYS} param_grid")
    ),
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV": Family(
        search, keys(f"{HALVING_KEYS} param_distributions n_candidates")
    ),
    "sklearn.semi_supervised._self_training.SelfTrainingClassifier": Family(
        self_trained,
        keys(
            "estimator base_estimator threshold criterion k_best max_iter verbose estimator_ base_estimator_ classes_"
            " transduction_ labeled_iter_ n_iter_ termination_condition_"
        ),
    ),
}
