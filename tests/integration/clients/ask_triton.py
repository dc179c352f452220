"""Call two servers with tritonclient: `ask_triton.py IRIS PEOPLE` (HOST:PORT each) prints the answers as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])


def tensor(name, values, datatype, *, binary):
    found = triton.InferInput(name, list(values.shape), datatype)
    found.set_data_from_numpy(values, binary_data=binary)
    return found


def plain(result, name):
    values = result.as_numpy(name)
    return [item.decode() if isinstance(item, bytes) else item for item in values.tolist()]


def asked(client):
    for datatype, dtype in (("FP64", np.float64), ("FP32", np.float32)):
        for binary in (True, False):
            rows = tensor("input", ROWS.astype(dtype), datatype, binary=binary)
            wanted = [triton.InferRequestedOutput("predict", binary_data=binary)]
            yield f"{datatype} {binary}", plain(client.infer("iris", [rows], outputs=wanted, request_id="7"), "predict")
    rows = [tensor("input", ROWS, "FP64", binary=True)]
    answer = client.infer("iris", rows)
    yield "default outputs", plain(answer, "predict")
    yield "a version", plain(client.infer("iris", rows, model_version="v1"), "predict")
    for encoding in ("gzip", "deflate"):
        yield encoding, plain(client.infer("iris", rows, request_compression_algorithm=encoding), "predict")
    both = [triton.InferRequestedOutput(name, binary_data=True) for name in ("predict", "predict_proba")]
    answer = client.infer("iris", rows, outputs=both, request_id="7")
    yield "id", answer.get_response()["id"]
    yield "two outputs", [plain(answer, "predict"), answer.as_numpy("predict_proba").round(3).tolist()]


def by_column(client):
    columns = [
        tensor("age", np.array([20.0, 40.0]), "FP64", binary=True),
        tensor("city", np.array(["Rome", "Oslo"], dtype=object), "BYTES", binary=True),
    ]
    return client.infer("people", columns, parameters={"content_type": "pd"}).as_numpy("predict").tolist()


def refused(client):
    try:
        client.infer("iris", [tensor("input", ROWS[:, :3], "FP64", binary=True)])
    except triton.InferenceServerException as error:
        return error.message()
    return "not refused"


def main():
    iris = triton.InferenceServerClient(sys.argv[1])
    people = triton.InferenceServerClient(sys.argv[2])
    answers = {
        "live": iris.is_server_live(),
        "ready": iris.is_server_ready(),
        "model ready": iris.is_model_ready("iris") and iris.is_model_ready("iris", "v1"),
        "other model ready": iris.is_model_ready("other"),
        "extensions": iris.get_server_metadata()["extensions"],
        "inputs": iris.get_model_metadata("iris", "v1")["inputs"],
        **dict(asked(iris)),
        "by column": by_column(people),
        "refused": refused(iris),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
