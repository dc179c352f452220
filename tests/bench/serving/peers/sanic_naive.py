"""The simplest server: `model.predict(request.json["data"])`; rows as objects become a DataFrame."""

import sys

import joblib
from sanic import HTTPResponse, Request, Sanic, empty, json

app = Sanic("naive", configure_logging=False)
model = joblib.load(sys.argv[1])


@app.get("/health")
async def health(_: Request) -> HTTPResponse:
    return empty(status=200)


@app.post("/predict")
async def predict(request: Request) -> HTTPResponse:
    rows = request.json["data"]
    if isinstance(rows[0], dict):
        import pandas as pd

        rows = pd.DataFrame(rows)
    return json({"predictions": model.predict(rows).tolist()})


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[2]), single_process=True, motd=False, access_log=False)
