"""pandas, for the models that need it. It is imported here alone, and only for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from server.errors import ModelError

if TYPE_CHECKING:
    from server.schema import Schema


def to_dataframe(columns: Sequence[Any], schema: Schema) -> Any:
    """Return a DataFrame of the model's own columns, in its order, with the types that pandas infers as from a CSV.

    Raises:
        ModelError: pandas is not installed.

    """
    try:
        import pandas as pd  # noqa: PLC0415 - slow to import, and only these models need it
    except ModuleNotFoundError as error:
        raise ModelError("the model picks its columns by name: put pandas into requirements.txt beside it") from error
    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.columns = pd.Index(schema.names or range(len(columns)))
    # pandas keeps a column of None alone as None, but beside strings it makes NaN of it. Imputers recognize only the
    # one that they were fitted on, and a row's answer must not depend on the rows that come with it.
    return frame.where(frame.notna(), float("nan"))
