"""Call two servers with MLflow's client: `ask_mlflow.py IRIS_PORT PEOPLE_PORT` prints the answers as JSON."""

import json
import sys

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
NAMES = [f"{part} {size} (cm)" for part in ("sepal", "petal") for size in ("length", "width")]


def main():
    iris, people = (ScoringServerClient("127.0.0.1", port) for port in sys.argv[1:3])
    iris.wait_server_ready(timeout=180)
    frame = pd.DataFrame(ROWS, columns=NAMES)
    records = json.dumps({"dataframe_records": frame.to_dict(orient="records")})
    answers = {
        "version": iris.get_version(),
        "dataframe_split": iris.invoke(frame)["predictions"],
        "its columns in another order": iris.invoke(frame[NAMES[::-1]])["predictions"],
        "inputs": iris.invoke(np.array(ROWS))["predictions"],
        "dataframe_records": iris.invoke(records)["predictions"],
        "as a DataFrame": iris.invoke(frame).get_predictions()[0].tolist(),
        "strings": people.invoke(pd.DataFrame({"city": ["Rome", "Oslo"], "age": [20.0, None]}))["predictions"],
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
