"""Request bodies for property tests: any JSON, and requests that are almost right for one of the protocols."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from server.protocols import mlflow, tensors

KEYS = (
    *("data", "instances", "inputs", "outputs", "parameters", "id", "name", "shape", "datatype", "columns"),
    *("dataframe_split", "dataframe_records", "binary_data_size", "content_type", "a", "b", "city", "age"),
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from(["Rome", "x", "FP64", "BYTES", "INT8", "BOOL", "pd", "predict", "predict_proba"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
# Almost right requests: they are read far enough to break something.
cells = st.floats(-9, 9) | st.integers(0, 3) | st.sampled_from(["Rome", "x", "good"]) | scalars
number_rows = st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=2), min_size=1, max_size=3)
rows = number_rows | st.lists(
    st.lists(cells, min_size=2, max_size=2)
    | st.fixed_dictionaries({"a": cells, "b": cells})
    | st.fixed_dictionaries({"city": st.sampled_from(["Rome", "Oslo"]) | cells, "age": cells})
    | st.sampled_from(["good", "bad day"]),
    min_size=1,
    max_size=3,
)
column = st.lists(cells, min_size=1, max_size=3)
names = st.lists(st.sampled_from(["a", "b", "city", "age"]), min_size=2, max_size=2)
tensor = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["input", "a", "b", "city", "age"]),
        "shape": st.sampled_from([[1, 2], [2], [1], [2, 1], [1, 2, 1], []]) | values,
        "datatype": st.sampled_from([*tensors.DATATYPES, "BYTES"]) | values,
    },
    optional={"data": st.lists(cells, min_size=1, max_size=2) | values, "parameters": values},
)
bodies = st.one_of(
    values,
    st.dictionaries(st.sampled_from(KEYS), values, max_size=4),
    st.builds(lambda key, rows: {key: rows}, st.sampled_from(["data", *mlflow.FORMS]), rows),
    st.builds(lambda names, rows: {"dataframe_split": {"columns": names, "data": rows}}, names, rows),
    st.builds(lambda names, one, two: {"inputs": dict(zip(names, (one, two), strict=True))}, names, column, column),
    st.fixed_dictionaries(
        {"inputs": st.lists(tensor, min_size=1, max_size=2)}, optional={"outputs": values, "id": values}
    ),
)


def written(document: Any) -> bytes:
    """Return the document as Python's own encoder writes it: with NaN, infinities and integers of any size."""
    return json.dumps(document).encode()
