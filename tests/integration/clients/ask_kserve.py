"""Call a server with KServe's client: `ask_kserve.py HOST:PORT` prints the answers as JSON."""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


def request(*, binary):
    rows = InferInput("input", [2, 4], "FP64")
    rows.set_data_from_numpy(np.array(ROWS), binary_data=binary)
    return InferRequest("iris", [rows], request_id="7", parameters={"binary_data_output": binary})


async def v1(url):
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        yield "v1 live", await client.is_server_live(url)
        yield "v1 model ready", await client.is_model_ready(url, "iris")
        yield "v1 instances", await client.infer(url, {"instances": ROWS}, model_name="iris")
        yield "v1 inputs", await client.infer(url, {"inputs": ROWS}, model_name="iris")


async def v2(url):
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        yield "v2 live", await client.is_server_live(url)
        yield "v2 ready", await client.is_server_ready(url)
        yield "v2 model ready", await client.is_model_ready(url, "iris")
        yield "v2 other model ready", await client.is_model_ready(url, "other")
        for binary in (False, True):
            answer = await client.infer(url, request(binary=binary), model_name="iris")
            yield f"v2 {binary}", [answer.id, answer.outputs[0].as_numpy().tolist()]


async def main():
    url = f"http://{sys.argv[1]}"
    print(json.dumps({key: value for protocol in (v1, v2) async for key, value in protocol(url)}))


if __name__ == "__main__":
    asyncio.run(main())
