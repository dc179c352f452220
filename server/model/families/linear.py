"""Linear regressors: one matrix product.

Source: sklearn/linear_model/_base.py (`LinearModel._decision_function`). Every regressor here inherits `predict` from
it or computes the same; _coordinate_descent.py computes sparse rows without a check, and _ransac.py calls the `predict`
of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from server.model.families.base import Call, Check, Part, behind, matrix_part
from server.model.families.sparse_rows import SparseRows, product
from server.model.families.state import Family, State, keys, wide


def regressor(state: State) -> Part:
    """Return a linear regressor of one output or several."""
    return matrix_part(
        state.part(), {"predict": linear_scores(state)}, Check(state.name, sparse=True, keeps_integers=True)
    )


def descended(state: State) -> Part:
    """Return an ElasticNet, or a regressor that inherits from it: it checks dense rows only."""
    part, scores = regressor(state), linear_scores(state)
    complete = part.methods["predict"]
    return replace(part, methods={"predict": lambda X: scores(X) if type(X) is SparseRows else complete(X)})


def linear_scores(state: State) -> Call:
    """Return the function X · coef_ + intercept_ of float64 rows."""
    weights, bias = _coefficients(state)
    times_weights = product(wide(weights))
    return lambda X: times_weights(X) + bias


def linear_scores_of_float32(state: State) -> Call:
    """Return the same function of float32 rows, computed in float32 if the coefficients are float32."""
    weights, bias = _coefficients(state)
    return lambda X: X @ weights + bias


def _coefficients(state: State) -> tuple[Any, Any]:
    """Return the coefficients with scikit-learn's memory layout, and the constant.

    BLAS sums in an order that depends on the layout, and another order may change bits.
    """
    found = state.values.get("coef_")
    shape = (state.columns,) if getattr(found, "ndim", 0) == 1 else (None, state.columns)
    weights = state.fitted_floats("coef_", *shape).T
    bias = state.values.get("intercept_")
    if type(bias) is not float:  # without an intercept: 0.0
        bias = state.fitted_floats("intercept_", *(() if getattr(bias, "ndim", 0) == 0 else (None,)))
        if bias.shape not in ((), (1,), weights.shape[1:]):
            raise state.unknown("intercept_")
    return weights, bias


def consensus(state: State) -> Part:
    """Return a RANSACRegressor: the regressor fitted to the rows that agree."""
    chosen = state.child("estimator_")
    if chosen.width != state.columns or chosen.names:
        raise state.unknown("estimator_")
    check = Check(state.name, unchecked=True, sparse=chosen.takes_sparse)
    return replace(
        state.part(),
        methods={"predict": behind(check.numbers, chosen.methods["predict"])},
        direct={name: call for name, call in chosen.direct.items() if name == "predict"},
        row_independent=chosen.row_independent,
        takes_sparse=chosen.takes_sparse,
    )


ANY_KEYS = keys("fit_intercept coef_ intercept_ n_iter_ max_iter tol verbose copy_X n_jobs random_state")
DESCENT_KEYS = ANY_KEYS | keys("alpha l1_ratio precompute warm_start positive selection dual_gap_ eps_")
DESCENT_CV_KEYS = DESCENT_KEYS | keys("eps n_alphas alphas _alphas cv mse_path_ l1_ratio_ alpha_ alphas_")
BAYES_KEYS = ANY_KEYS | keys(
    "n_iter alpha_1 alpha_2 lambda_1 lambda_2 compute_score alpha_ lambda_ sigma_ scores_ X_offset_ X_scale_ alpha_init"
    " lambda_init threshold_lambda"
)
ANGLE_KEYS = ANY_KEYS | keys(
    "alpha normalize precompute n_nonzero_coefs eps fit_path jitter positive alphas_ active_ coef_path_ cv max_n_alphas"
    " alpha_ cv_alphas_ mse_path_ criterion noise_variance noise_variance_ criterion_"
)
PURSUIT_KEYS = ANY_KEYS | keys("n_nonzero_coefs precompute n_nonzero_coefs_ normalize copy cv")
RIDGE_KEYS = ANY_KEYS | keys("alpha solver positive solver_")
RIDGE_CV_KEYS = ANY_KEYS | keys(
    "alphas scoring cv gcv_mode store_cv_values store_cv_results _store_cv_results alpha_per_target alpha_ best_score_"
    " cv_values_ cv_results_"
)
SUPPORT_VECTOR_KEYS = ANY_KEYS | keys("C epsilon intercept_scaling dual loss")

CONSENSUS_KEYS = keys(
    "estimator min_samples residual_threshold is_data_valid is_model_valid max_trials max_skips stop_n_inliers"
    " stop_score stop_probability random_state loss n_trials_ n_skips_no_inliers_ n_skips_invalid_data_"
    " n_skips_invalid_model_ estimator_ inlier_mask_"
)

REGRESSORS = {
    "linear_model._base.LinearRegression": ANY_KEYS | keys("positive rank_ singular_"),
    "linear_model._bayes.ARDRegression": BAYES_KEYS,
    "linear_model._bayes.BayesianRidge": BAYES_KEYS,
    "linear_model._coordinate_descent.ElasticNetCV": DESCENT_CV_KEYS,
    "linear_model._coordinate_descent.LassoCV": DESCENT_CV_KEYS,
    "linear_model._coordinate_descent.MultiTaskElasticNetCV": DESCENT_CV_KEYS,
    "linear_model._coordinate_descent.MultiTaskLassoCV": DESCENT_CV_KEYS,
    "linear_model._huber.HuberRegressor": ANY_KEYS | keys("epsilon alpha warm_start scale_ outliers_"),
    "linear_model._least_angle.Lars": ANGLE_KEYS,
    "linear_model._least_angle.LarsCV": ANGLE_KEYS,
    "linear_model._least_angle.LassoLars": ANGLE_KEYS,
    "linear_model._least_angle.LassoLarsCV": ANGLE_KEYS,
    "linear_model._least_angle.LassoLarsIC": ANGLE_KEYS,
    "linear_model._omp.OrthogonalMatchingPursuit": PURSUIT_KEYS,
    "linear_model._omp.OrthogonalMatchingPursuitCV": PURSUIT_KEYS,
    "linear_model._quantile.QuantileRegressor": ANY_KEYS | keys("quantile alpha solver solver_options"),
    "linear_model._ridge.Ridge": RIDGE_KEYS,
    "linear_model._ridge.RidgeCV": RIDGE_CV_KEYS,
    "linear_model._theil_sen.TheilSenRegressor": ANY_KEYS
    | keys("max_subpopulation n_subsamples n_subpopulation_ breakdown_"),
    "svm._classes.LinearSVR": SUPPORT_VECTOR_KEYS,
}

FAMILIES: Mapping[str, Family] = {
    **{f"sklearn.{name}": Family(regressor, known) for name, known in REGRESSORS.items()},
    **{
        f"sklearn.linear_model._coordinate_descent.{name}": Family(descended, DESCENT_KEYS)
        for name in ("ElasticNet", "Lasso", "MultiTaskElasticNet", "MultiTaskLasso")
    },
    "sklearn.linear_model._ransac.RANSACRegressor": Family(consensus, CONSENSUS_KEYS),
}
