"""The framework's limit: parses the JSON with the library that ours uses, and answers a zero for each row."""

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


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[2]), single_process=True, motd=False, access_log=False)
