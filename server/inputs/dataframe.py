"""pandas, for the models that need it: imported only here, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from server.errors import ModelError

if TYPE_CHECKING:
    from server.schema import Schema


def dataframe(columns: Sequence[Any], schema: Schema) -> Any:
    """A DataFrame of the model's own columns, in its order, typed by pandas as a CSV's would be.

    Raises:
        ModelError: there is no pandas.

    """
    try:
        import pandas as pd  # noqa: PLC0415 - slow to import, and only these models need it
    except ModuleNotFoundError as error:
        raise ModelError("the model picks its columns by name: put pandas into requirements.txt beside it") from error
    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.columns = pd.Index(schema.names or range(len(columns)))
    # A column of None alone stays None, beside strings it becomes NaN, and imputers know only the one they were fitted
    # on: a row must not depend on those that come with it.
    return frame.where(frame.notna(), float("nan"))
