"""The dashboard of drift: do the inputs and the predictions of a model still look as they did."""

from __future__ import annotations

from typing import Any

from dev.dashboards.layout import choice, dashboard, graph, note, number, query, table

M = 'namespace=~"$namespace", model_name="$model"'
F = f'{M}, feature=~"$feature"'
BEGINNING = " offset $__range"
"""The same hour at the beginning of the dashboard's time."""

READ_ME = """\
**Drift** means that the rows that clients send no longer look like those that the model was trained on. The model still
answers, and its answers may be wrong.

1. Choose one model, and a time that begins when all was well: *Last 7 days* compares this hour with that of a week ago.
2. Look at the table: a mean that moved far, or more missing values, comes from the clients' data. Ask who makes it.
3. Look at the predicted labels: a share that moved without drift of a feature is the world that changed. Train again.

The numbers are from at most 32 rows of each request. They start anew with each pod, so minimum and maximum are of the
pods that run."""


def change(metric: str, offset: str = "", *, of: str = F, by: str = "feature") -> str:
    """Return the change in an hour. `delta` for counters too: it then extrapolates as for the sum, a gauge."""
    kept = f"resets(kubeserve_feature_values_total{{{of}}}[1h]{offset}) == 0"
    return f"sum by ({by}) (delta({metric}{{{of}}}[1h]{offset}) and {kept})"


def mean(offset: str = "") -> str:
    """Return the mean of each feature in an hour, of the pods that did not restart in it."""
    values, missing = (change(f"kubeserve_feature_{name}_total", offset) for name in ("values", "missing"))
    return f"{change('kubeserve_feature_sum', offset)} / ({values} - {missing} > 0)"


def missing(offset: str = "") -> str:
    """Return the share of each feature's values that are missing."""
    values = change("kubeserve_feature_values_total", offset)
    return f"{change('kubeserve_feature_missing_total', offset)} / ({values} > 0)"


def share(offset: str = "") -> str:
    """Return the share of each label among the predictions of an hour."""
    labels = f"increase(kubeserve_predicted_labels_total{{{M}}}[1h]{offset})"
    return f"sum by (label) ({labels}) / on () group_left () (sum({labels}) > 0)"


def make() -> dict[str, Any]:
    """Return the dashboard."""
    return dashboard(
        "kubeserve-drift",
        "KubeServe / Drift",
        "Do the inputs and the predictions of a model still look as they did at the beginning of the time shown?",
        [
            choice("namespace", "Namespace", "label_values(kubeserve_model_info, namespace)"),
            choice(
                "model",
                "Model",
                'label_values(kubeserve_model_info{namespace=~"$namespace"}, model_name)',
                several=False,
            ),
            choice("feature", "Feature", f"label_values(kubeserve_feature_values_total{{{M}}}, feature)"),
        ],
        [("How to read this", [note("How to read this", READ_ME)]), *_features(), ("Predictions", _labels())],
        since="now-7d",
    )


def _features() -> list[tuple[str, list[dict[str, Any]]]]:
    compared = table(
        "Features",
        "The last hour next to that at the beginning of the time shown. Minimum and maximum since the pods started.",
        {"feature": "Feature"},
        [
            ("Mean", "short", mean()),
            ("Mean at the beginning", "short", mean(BEGINNING)),
            ("Minimum", "short", f"min by (feature) (kubeserve_feature_min{{{F}}})"),
            ("Maximum", "short", f"max by (feature) (kubeserve_feature_max{{{F}}})"),
            ("Missing", "percentunit", missing()),
            ("Missing at the beginning", "percentunit", missing(BEGINNING)),
            ("Values in the hour", "short", change("kubeserve_feature_values_total")),
        ],
    )
    lines = [
        graph(
            "Mean of each feature",
            "The mean of each hour. An alert fires when it leaves the range of the week before.",
            "short",
            query(mean(), "{{feature}}"),
        ),
        graph(
            "Smallest and largest value",
            "Since the pods started. A jump to another magnitude is often another unit, or a code for a missing value.",
            "short",
            query(f"min by (feature) (kubeserve_feature_min{{{F}}})", "{{feature}} minimum"),
            query(f"max by (feature) (kubeserve_feature_max{{{F}}})", "{{feature}} maximum"),
        ),
        graph(
            "Missing values",
            "The share of each feature's values that are missing (`null` or NaN), in each hour.",
            "percentunit",
            query(missing(), "{{feature}}"),
        ),
    ]
    return [("Features, compared", [compared]), ("Features, over time", lines)]


def _labels() -> list[dict[str, Any]]:
    return [
        graph(
            "Predicted labels",
            "The share of each label among the predictions of an hour. `other` is none of the model's classes.",
            "percentunit",
            query(share(), "{{label}}"),
            stacked=True,
        ),
        table(
            "Labels, compared",
            "The last hour next to the same hour at the beginning of the time shown.",
            {"label": "Label"},
            [("Share", "percentunit", share()), ("Share at the beginning", "percentunit", share(BEGINNING))],
        ),
        number(
            "Predicted rows in the last hour",
            "Few rows vary by chance: do not conclude much from less than a hundred.",
            "short",
            query(f"sum(increase(kubeserve_predictions_total{{{M}}}[1h]))", "rows"),
        ),
    ]
