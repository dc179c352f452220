"""Multi-layer perceptrons: for each layer a matrix product and an activation.

Source: sklearn/neural_network/_multilayer_perceptron.py (`_forward_pass_fast`), _base.py (activations),
sklearn/preprocessing/_label.py (`inverse_transform`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.label_encoding import binarized
from server.model.families.probabilities import BINARY, most_probable, softmax, two_sided_of_second
from server.model.families.sparse_rows import product
from server.model.families.state import Family, State, keys, wide
from server.model.pickledata.compiled import EXPIT


def regressor(state: State) -> Part:
    """Return an MLPRegressor of one output or several."""
    forward, outputs = _forward(state, "identity", "exp")
    predict = (lambda X: forward(X).ravel()) if outputs == 1 else forward
    return matrix_part(state.part(), {"predict": predict}, _check(state))


def classifier(state: State) -> Part:
    """Return an MLPClassifier of classes or of labels."""
    classes, kind = binarized(state, "_label_binarizer", 0)
    forward, outputs = _forward(state, OUTPUTS[kind])
    if outputs != (1 if kind == "binary" else len(classes)) or len(classes) < BINARY:
        raise state.unknown("_label_binarizer")
    if kind == "binary" and len(classes) != BINARY:
        raise state.unknown("classes_")
    if kind == "binary":
        methods: dict[str, Call] = {
            "predict": lambda X: classes[(forward(X).reshape(-1) > 0.5).astype(np.intp)],  # noqa: PLR2004 - a half
            "predict_proba": lambda X: two_sided_of_second(forward(X).reshape(-1)),
        }
    elif kind == "multiclass":
        scores, _ = _forward(state, OUTPUTS[kind], probabilities=False)
        methods = {"predict": lambda X: classes[most_probable(scores(X))], "predict_proba": forward}
    else:
        methods = {"predict": lambda X: (forward(X) > 0.5).astype(np.int64), "predict_proba": forward}  # noqa: PLR2004 - a half
    return matrix_part(state.part(classes=classes), methods, _check(state))


def _check(state: State) -> Check:
    return Check(state.name, sparse=True, keeps_integers=True)


def _forward(state: State, *last: str, probabilities: bool = True) -> tuple[Call, int]:
    """Return the function of the last layer's outputs, which are a new array, and their number.

    Without `probabilities` the last layer's activation is left out.
    """
    count = state.integer("n_layers_", 2) - 1
    weights = state.arrays_of_floats("coefs_", count, None, None)
    biases = state.arrays_of_floats("intercepts_", count, None)
    widths = [state.columns, *(matrix.shape[1] for matrix in weights)]
    if [matrix.shape[0] for matrix in weights] != widths[:-1] or [len(bias) for bias in biases] != widths[1:]:
        raise state.unknown("coefs_")
    hidden = ACTIVATIONS[state.word("activation", "identity", "logistic", "relu", "tanh")]
    output = ACTIVATIONS[state.word("out_activation_", *last)]
    activations = [hidden] * (count - 1) + [output if probabilities else ACTIVATIONS["identity"]]
    layers = list(zip(map(product, map(wide, weights)), biases, activations, strict=True))

    def forward(X: Any) -> Any:
        for times_weights, bias, activation in layers:
            X = times_weights(X)
            X += bias
            activation(X)
        return X

    return forward, widths[-1]


ZERO = np.zeros(())
"""NumPy takes as long to convert a number of Python as for all else with a row."""

ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "exp": lambda X: np.exp(X, out=X),
    "identity": lambda X: X,
    "logistic": lambda X: EXPIT(X, out=X),
    "relu": lambda X: np.maximum(X, ZERO, out=X),
    "softmax": softmax,
    "tanh": lambda X: np.tanh(X, out=X),
}
"""Each one changes its argument."""

OUTPUTS = {"binary": "logistic", "multiclass": "softmax", "multilabel-indicator": "logistic"}
"""The last activation by the kind of labels."""

LAYER_KEYS = keys(
    "activation solver alpha batch_size learning_rate learning_rate_init power_t max_iter loss hidden_layer_sizes"
    " shuffle random_state tol verbose warm_start momentum nesterovs_momentum early_stopping validation_fraction beta_1"
    " beta_2 epsilon n_iter_no_change max_fun n_outputs_ _random_state n_iter_ t_ n_layers_ out_activation_ coefs_"
    " intercepts_ loss_curve_ _no_improvement_count best_loss_ validation_scores_ best_validation_score_ _optimizer"
    " loss_ _best_coefs _best_intercepts _coef_indptr _intercept_indptr _label_binarizer classes_"
)

FAMILIES: Mapping[str, Family] = {
    "sklearn.neural_network._multilayer_perceptron.MLPClassifier": Family(classifier, LAYER_KEYS),
    "sklearn.neural_network._multilayer_perceptron.MLPRegressor": Family(regressor, LAYER_KEYS),
}
