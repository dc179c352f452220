"""The limit of the framework: parse the JSON with the same library as ours, and answer a zero for each row."""

import sys

import orjson
from sanic import HTTPResponse, Request, Sanic, empty

app = Sanic("echo", configure_logging=False)


@app.get("/health")
async def health(_: Request) -> HTTPResponse:
    return empty(status=200)


@app.post("/predict")
async def predict(request: Request) -> HTTPResponse:
    rows = orjson.loads(request.body)["data"]
    return HTTPResponse(orjson.dumps({"predictions": [0] * len(rows)}), content_type="application/json")


@app.post("/v2/models/model/infer")
async def infer(request: Request) -> HTTPResponse:
    """Answer zeros by V2's binary extension."""
    length = int(request.headers["inference-header-content-length"])
    rows = orjson.loads(request.body[:length])["inputs"][0]["shape"][0]
    head = orjson.dumps({"outputs": [{"name": "zeros", "shape": [rows], "datatype": "INT64"}]})
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return HTTPResponse(head + bytes(8 * rows), headers=headers, content_type="application/octet-stream")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[2]), single_process=True, motd=False, access_log=False)
