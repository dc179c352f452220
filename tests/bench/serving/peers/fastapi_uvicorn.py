"""FastAPI as its tutorial shows it: a typed body, `async def` (the faster of the two for a short predict), uvicorn."""

import sys

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(sys.argv[1])


class Body(BaseModel):
    data: list[list[float]]


class Answer(BaseModel):
    predictions: list[int]


@app.get("/health")
async def health() -> None: ...


@app.post("/predict")
async def predict(body: Body) -> Answer:
    return Answer(predictions=model.predict(body.data).tolist())


if __name__ == "__main__":
    # uvicorn selects uvloop and httptools by itself, because both are installed.
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
