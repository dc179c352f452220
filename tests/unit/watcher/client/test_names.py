from __future__ import annotations

import pytest

from watcher.client.names import model_named, unknown, unknown_model
from watcher.core.types import ModelId
from watcher.errors import Rejected


def test_a_model_is_named_alone_or_with_its_namespace() -> None:
    assert model_named("iris", "team") == ModelId("team", "iris")
    assert model_named("other/iris", "team") == ModelId("other", "iris")


@pytest.mark.parametrize(
    ("text", "namespace", "expected"),
    [("iris", "", "'iris' has no namespace"), ("Iris", "team", "model 'Iris'"), ("/iris", "team", "namespace ''")],
)
def test_what_cannot_be_a_model_is_refused(text: str, namespace: str, expected: str) -> None:
    with pytest.raises(Rejected, match=expected):
        model_named(text, namespace)


def test_a_name_that_is_not_there_is_met_with_the_nearest_or_the_first_few() -> None:
    assert unknown_model("t/irs", ["t/iris", "t/wine"]) == "no model 't/irs'; did you mean 't/iris'?"
    assert unknown_model("team/nope", ["team/forest", "x/a"]) == "no model 'team/nope': there is only team/forest"
    assert unknown_model("team/iris", ["demo/iris", "team/wine"]).endswith("did you mean 'demo/iris'?")
    assert unknown_model("tem/iris", ["demo/iris", "team/iris"]).endswith("did you mean 'team/iris'?")
    assert unknown_model("irs", ["iris", "wine"]).endswith("did you mean 'iris'?")
    assert unknown_model("t/iris", []) == "no model 't/iris': there is none"
    assert unknown("version", "v9", []) == "no version 'v9': there is none"
    assert unknown("version", "v9", ["v1"]) == "no version 'v9': there is only v1"
    assert unknown("version", "x", list("abcdefg")) == "no version 'x': there are a, b, c, d, e and 2 more"
