"""The least that a server needs: Sanic, NumPy, and an answer to /health."""

import sys

import numpy as np
from sanic import HTTPResponse, Request, Sanic, empty

app = Sanic("empty", configure_logging=False)
zeros = np.zeros(1)


@app.get("/health")
async def health(_: Request) -> HTTPResponse:
    return empty(status=200)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[2]), single_process=True, motd=False, access_log=False)
