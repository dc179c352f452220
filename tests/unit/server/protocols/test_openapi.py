"""The API's description is valid, and its examples are requests that the model answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import orjson
import pytest
from openapi_spec_validator import validate
from sanic import Sanic
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from server.http.routes import add_routes
from server.http.service import Service
from server.inference.predictor import Predictor
from server.protocols import kserve_v1, mlflow, open_inference
from server.protocols.json_answer import encode_json
from server.protocols.kubeserve import encode_transformed, read_data
from server.protocols.openapi import document
from server.schema import Schema
from server.telemetry.metrics import Metrics
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

MODELS = [
    *(example_models.numbers, example_models.named, example_models.missing, example_models.people),
    *(example_models.picked, example_models.objects, example_models.texts, example_models.two_outputs),
]
DICTS = make_pipeline(DictVectorizer(), RidgeClassifier()).fit([{"a": "x", "b": 1}, {"a": "y", "b": 2}], [0, 1])
TOKENS = make_pipeline(FeatureHasher(8, input_type="string"), RidgeClassifier()).fit([["a", "b"], ["c"]], [0, 1])
MODELS += [DICTS, make_pipeline(FeatureHasher(8), RidgeClassifier()).fit([{"a": 1}, {"b": 2}], [0, 1])]
WITHOUT_PREDICT = [example_models.scaler, example_models.vectorizer, example_models.density]


def described(schema: Schema) -> Any:
    return orjson.loads(encode_json(document(schema, "m", "v1", "sklearn 1.9.1")))


def example(paths: Any, path: str, kind: str = "application/json") -> tuple[bytes, Any]:
    operation = paths[path]["post"]
    asked = operation["requestBody"]["content"][kind]["example"]
    return asked.encode() if kind == "text/csv" else orjson.dumps(asked), operation["responses"]["200"]["content"][
        "application/json"
    ]["example"]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # as the loader does
@pytest.mark.parametrize("model", [*MODELS, TOKENS])
def test_document_is_valid_and_its_examples_are_answered_as_it_says(model: Any) -> None:
    schema = schema_of(model)
    found = described(schema)
    validate(found)
    readers = {
        "/predict": read_data,
        "/v1/models/m:predict": kserve_v1.read_instances,
        "/invocations": mlflow.read_json,
    }
    for path, read in readers.items():
        body, answer = example(found["paths"], path)
        predicted = np.asarray(model.predict(read(body, schema))).tolist()
        assert answer["predictions"] == predicted


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # as the loader does
@pytest.mark.parametrize("model", [*MODELS, TOKENS, *WITHOUT_PREDICT])
def test_document_example_of_tensors_is_answered_as_it_says(model: Any) -> None:
    schema = schema_of(model)
    found = described(schema)
    validate(found)
    body, answer = example(found["paths"], "/v2/models/m/infer")
    asked = open_inference.read_inference(body, None, schema)
    answers = [getattr(model, wanted.method)(asked.X) for wanted in asked.wanted]
    assert orjson.loads(open_inference.write_inference(asked, answers, "m", "v1")[0]) == answer
    assert answer["outputs"][0]["data"]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # as the loader does
@pytest.mark.parametrize("model", [example_models.scaler, example_models.vectorizer, example_models.discriminant])
def test_document_example_of_transform_is_answered_as_it_says(model: Any) -> None:
    schema = schema_of(model)
    body, answer = example(described(schema)["paths"], "/transform")
    assert orjson.loads(encode_transformed(model.transform(read_data(body, schema)))) == answer


@pytest.mark.parametrize("model", WITHOUT_PREDICT)
def test_document_of_a_model_without_predict_has_no_route_that_refuses_it(model: Any) -> None:
    posts = {path for path, it in described(schema_of(model))["paths"].items() if "post" in it}
    transform = {"/transform"} if hasattr(model, "transform") else set()
    assert posts == {"/v2/models/m/infer", *transform}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # as the loader does
@pytest.mark.parametrize("model", MODELS)
def test_document_example_of_csv_is_answered_like_that_of_json(model: Any) -> None:
    schema = schema_of(model)
    body, answer = example(described(schema)["paths"], "/invocations", "text/csv")
    assert np.asarray(model.predict(mlflow.read_csv(body, schema))).tolist() == answer["predictions"]


def test_document_of_a_model_of_tokens_offers_no_csv_which_it_refuses() -> None:
    content = described(schema_of(TOKENS))["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json"}


def test_document_lists_the_errors_that_a_path_can_give_and_no_others() -> None:
    paths = described(schema_of(example_models.numbers))["paths"]
    assert set(paths["/predict"]["post"]["responses"]) == {"200", "400", "413", "415", "500", "503"}
    assert set(paths["/health"]["get"]["responses"]) == {"200", "503"}
    assert set(paths["/metrics"]["get"]["responses"]) == {"200"}


@pytest.mark.parametrize("model", MODELS)
def test_document_example_row_is_valid_by_the_schema_of_rows(model: Any) -> None:
    found = described(schema_of(model))
    rows = orjson.loads(example(found["paths"], "/predict")[0])["data"]
    jsonschema.Draft202012Validator(found["components"]["schemas"]["Row"]).validate(rows[0])


def test_document_schema_of_a_row_is_a_list_or_an_object_by_name() -> None:
    number = {"type": "number"}
    assert described(schema_of(example_models.named))["components"]["schemas"]["Row"]["oneOf"] == [
        {"type": "array", "items": number, "minItems": 2, "maxItems": 2},
        {
            "type": "object",
            "required": ["a", "b"],
            "properties": {"a": number, "b": number},
            "additionalProperties": False,
        },
    ]


def test_document_has_the_query_proba_only_where_the_model_has_probabilities() -> None:
    (parameter,) = described(schema_of(example_models.numbers))["paths"]["/predict"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"]) == ("proba", "query")
    assert "parameters" not in described(Schema())["paths"]["/predict"]["post"]


def test_document_of_an_empty_schema_is_valid() -> None:
    validate(described(Schema()))


def test_document_of_a_model_that_explains_itself_has_the_answer_as_example() -> None:
    found = orjson.loads(
        encode_json(document(schema_of(example_models.numbers), "m", "v1", "sklearn", {"method": "x"}))
    )
    validate(found)
    assert example(found["paths"], "/explain")[1] == {"method": "x"}


def test_document_has_every_route_and_no_other() -> None:
    app: Any = Sanic("described", configure_logging=False)
    add_routes(app, Service(Predictor(Path("unused")), Metrics("m", "v1"), "m", "v1"))
    # A version in the path, or another way to say the same, needs no entry of its own; nor do the pages themselves.
    unlisted = {"/", "/docs", "/openapi.json", "/page.json", "/pages/<name>", "/v2/models"}
    routes = {f"/{route.path.replace(':str', '')}" for route in app.router.routes} - unlisted
    named = {
        path.replace("<model>", "m").replace("<segment>", "m:predict") for path in routes if "<version>" not in path
    }
    named -= {"/explain"}  # only where the model can
    named |= {"/v1/models/m"}  # the segment of POST is a model and a verb, that of GET a model
    assert named == set(described(schema_of(example_models.discriminant))["paths"])
