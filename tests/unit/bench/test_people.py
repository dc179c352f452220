from __future__ import annotations

import pytest

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown
from tests.bench.serving.people import COLUMNS_CODE, PEOPLE


@pytest.mark.parametrize("name", PEOPLE)
def test_every_model_is_known_as_data_but_the_one_that_stands_for_the_others(name: str) -> None:
    rows = PEOPLE[name].data()
    fitted = PEOPLE[name].estimator().fit(rows, PEOPLE[name].target(rows))
    if name == COLUMNS_CODE:
        with pytest.raises(Unknown):
            part_of(fitted)
    else:
        part_of(fitted)
