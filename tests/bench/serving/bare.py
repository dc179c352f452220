"""The baseline without a server: a Python that imports joblib, loads a model, and predicts.

`python bare.py load MODEL` prints "loaded" and waits for the end of its input.
`python bare.py predict MODEL ROWS SECONDS` prints predictions per second. It imports nothing of ours.
"""

import sys

import joblib


def predictions_per_second(model: object, rows: object, seconds: float) -> float:
    import time

    model.predict(rows)
    started, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        model.predict(rows)
        count += 1
    return count / passed


if __name__ == "__main__":
    model = joblib.load(sys.argv[2])
    if sys.argv[1] == "load":
        print("loaded", flush=True)
        sys.stdin.read()
    else:
        import numpy as np

        print(predictions_per_second(model, np.load(sys.argv[3]), float(sys.argv[4])))
