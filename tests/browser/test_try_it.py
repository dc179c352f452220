"""The page at a model server's `/`, in the real browser against real servers."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import urllib3
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.integration.proxies import serving
from tests.integration.serving import Server, running

from .chromium import Look, Page

PLANTED = "<img src=x onerror=\"document.title='run'\">"
"""A name and a label that would run as HTML."""


def planted() -> Any:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice(["Rome", "Oslo"], 80), PLANTED: rng.normal(40, 9, 80), "unread": 1.0})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), [PLANTED]))
    return make_pipeline(columns, LogisticRegression()).fit(frame, np.where(frame["city"] == "Rome", PLANTED, "no"))


def flowers() -> Any:
    iris = load_iris(as_frame=True)
    return DecisionTreeClassifier(max_depth=3, random_state=0).fit(iris.data, iris.target_names[iris.target])


def words() -> Any:
    texts = ["a good day", "a bad day", "so good", "so bad"]
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(texts, ["yes", "no", "yes", "no"])


def ids() -> Any:
    rows = np.array([[2**53 + 1], [2**53 + 2]] * 5)
    return make_pipeline(OneHotEncoder(), LogisticRegression(C=100)).fit(rows, ["one", "two"] * 5)


def wide() -> Any:
    return Ridge().fit(np.random.default_rng(0).normal(size=(30, 300)), np.arange(30.0))


MINUS = "\N{MINUS SIGN}"
MODELS = {"planted": planted, "flowers": flowers, "words": words, "ids": ids, "wide": wide}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        found = {}
        for name, make in MODELS.items():
            path = tmp_path_factory.mktemp(name) / "model.joblib"
            joblib.dump(make(), path)
            # A body of 8 KB holds some hundred lines of a CSV: a file of more goes in pieces.
            found[name] = stack.enter_context(
                running(path, "--name", name, "--version", "v1", "--max-body-size", "8192")
            )
        for server in found.values():
            server.wait()
        yield found


def url_of(server: Server, path: str = "/") -> str:
    return f"http://{server.address}{path}"


def opened(page: Page, url: str, look: Look | None = None) -> None:
    page.open(url, look)
    page.eventually(lambda: page.find("#page").is_displayed())


def predicted(page: Page) -> str:
    """Press the button, and return the answer."""
    page.find("#send").click()
    return str(page.eventually(lambda: page.all(".result"))[0].text)


def field(page: Page, name: str) -> Any:
    """Return the element whose label this is."""
    labels = [label for label in page.all("label") if label.text == name]
    return page.find(f"#{labels[0].get_attribute('for')}")


# ---- what it looks like ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["planted", "words", "wide"])
def test_page_has_no_violation_before_and_after_an_answer(
    page: Page, look: Look, servers: dict[str, Server], name: str
) -> None:
    opened(page, url_of(servers[name]), look)
    assert page.violations() == []
    predicted(page)
    page.find("#code pre")
    assert page.violations() == []
    assert page.overflow() == 0


def test_docs_has_no_violation_and_both_pages_link_to_each_other(
    page: Page, look: Look, servers: dict[str, Server]
) -> None:
    opened(page, url_of(servers["flowers"]), look)
    page.find("nav a[href=docs]").click()
    page.eventually(lambda: page.all("#paths details"))
    assert page.violations() == []
    assert page.overflow() == 0
    page.find("nav a").click()
    assert page.eventually(lambda: page.text("h1") == "flowers v1")


# ---- what it does ------------------------------------------------------------------------------------------------


def test_names_and_labels_of_others_are_text(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["planted"]))
    Select(field(page, "city")).select_by_visible_text("Rome")
    assert predicted(page) == PLANTED
    assert PLANTED in page.text("#probabilities")
    page.eventually(lambda: PLANTED in page.text("#explanation"))
    assert page.all("img") == []
    assert page.driver.title == "Try planted v1"


def test_an_answer_has_its_probabilities_and_parts_that_add_up(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["flowers"]))
    for name, value in {"petal length (cm)": "1.4", "petal width (cm)": "0.2"}.items():
        field(page, name).clear()
        field(page, name).send_keys(value)
    assert predicted(page) == "setosa"
    assert "100 % probable" in page.text("#answer")
    numbers = [cell.text.replace(MINUS, "-") for cell in page.all("#explanation td.number")]
    *parts, score = map(float, numbers)
    assert sum(parts) == pytest.approx(score, abs=1e-3)
    assert "petal width (cm) = 0.2" in page.text("#explanation")


def test_a_wrong_value_is_refused_at_its_field(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["planted"]))
    wrong = field(page, PLANTED)
    wrong.clear()
    wrong.send_keys("much", Keys.ENTER)
    page.eventually(lambda: wrong.get_attribute("aria-invalid") == "true")
    described = wrong.get_attribute("aria-describedby").split()[-1]
    assert "a number is needed" in page.text(f"#{described}")
    assert page.run("return document.activeElement.id") == wrong.get_attribute("id")
    assert page.violations() == []
    page.find("#reset").click()
    assert page.all("[aria-invalid]") == []
    assert "400" in "".join(page.messages())  # the browser's own line about the answer
    page.messages().clear()


def test_a_row_can_be_sent_as_json(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["flowers"]))
    page.find("#as-json").click()
    box = page.find("#json")
    box.clear()
    box.send_keys("[6.7, 3.0, 5.2, ")
    page.find("#send").click()
    assert "not JSON" in page.text("#json-error")
    box.send_keys("2.3]")
    assert predicted(page) == "virginica"


def test_integers_beyond_javascripts_are_sent_as_they_are(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["ids"]))
    for value, answer in ((2**53 + 1, "one"), (2**53 + 2, "two")):
        Select(field(page, "x0")).select_by_visible_text(str(value))
        page.find("#send").click()
        page.eventually(lambda answer=answer: page.text(".result") == answer)
        assert str(value) in page.text("#snippet")


def test_texts_are_explained_by_their_words(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["words"]))
    page.find("#text").clear()
    page.find("#text").send_keys("what a good\nday")
    assert predicted(page) == "yes"
    page.eventually(lambda: "good" in page.text("#explanation"))


def test_a_model_of_very_many_features_has_a_box_of_json(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["wide"]))
    assert json.loads(page.find("#json").get_attribute("value")) == [1.0] * 300
    assert float(predicted(page).replace(MINUS, "-"))
    page.eventually(lambda: "280 others" in page.text("#explanation"))


# ---- code --------------------------------------------------------------------------------------------------------


def test_the_code_shown_gives_the_same_answer(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["planted"]))
    Select(field(page, "city")).select_by_visible_text("Rome")
    predicted(page)
    answers = {}
    for tab in page.all("[role=tab]"):
        tab.click()
        code = page.text("#snippet")
        if tab.text == "JavaScript":
            run = "const done = arguments[0]; const seen = []; const console = { log: it => seen.push(it) };"
            script = f"{run} (async () => {{ {code} }})().then(() => done(seen[0]))"
            answers[tab.text] = page.driver.execute_async_script(script)
        elif tab.text == "curl":
            answers[tab.text] = json.loads(subprocess.check_output(["sh", "-c", f"{code} -s"]))
        else:
            answers[tab.text] = eval(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert len(answers) == 4
    assert set(map(str, answers.values())) == {str({"predictions": [PLANTED]})}


def test_tabs_are_chosen_by_the_keyboard_and_copied(page: Page, servers: dict[str, Server]) -> None:
    opened(page, url_of(servers["flowers"]))
    predicted(page)
    page.find("[role=tab]").send_keys(Keys.ARROW_LEFT)
    assert "await fetch" in page.text("#snippet")
    assert page.find("[role=tab][aria-selected=true]").text == "JavaScript"
    page.find("#copy").click()
    page.eventually(lambda: page.text("#copied"))


# ---- a file ------------------------------------------------------------------------------------------------------


def test_a_file_larger_than_a_request_is_scored_in_pieces(
    page: Page, servers: dict[str, Server], tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([["city", PLANTED, "unread"], *[["Rome", "30", "1"], ["Oslo", "50", "2"]] * 600])
    folder = tmp_path / "downloads"
    folder.mkdir()
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    opened(page, url_of(servers["planted"]))
    page.find("#file").send_keys(str(file))
    page.eventually(lambda: page.find("#csv-result").is_displayed())
    assert page.text("#csv-status") == "1,200 rows scored"
    page.find("#csv-result").click()
    result = folder / "people-predictions.csv"
    page.eventually(result.exists)
    found = list(csv.reader(io.StringIO(result.read_text())))
    assert found[0] == ["city", PLANTED, "unread", "prediction"]
    assert [row[-1] for row in found[1:]] == [PLANTED, "no"] * 600
    assert page.violations() == []


def test_a_file_that_does_not_suit_is_refused_in_the_servers_words(
    page: Page, servers: dict[str, Server], tmp_path: Path
) -> None:
    file = tmp_path / "other.csv"
    file.write_text("town,size\nRome,1\n")
    opened(page, url_of(servers["planted"]))
    page.find("#file").send_keys(str(file))
    page.eventually(lambda: "other.csv: " in page.text("#csv-error"))
    assert "'city'" in page.text("#csv-error")
    assert not page.find("#csv-result").is_displayed()
    page.messages().clear()


# ---- where it is served ------------------------------------------------------------------------------------------


@contextmanager
def behind(prefix: str, server: Server) -> Iterator[str]:
    """Yield the address of a reverse proxy that serves the model below a path, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.forward()

        def do_POST(self) -> None:
            self.forward()

        def forward(self) -> None:
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url, headers = f"http://{server.address}/{self.path.removeprefix(prefix)}", dict(self.headers)
            answer = urllib3.request(self.command, url, body=body, headers=headers, retries=False, decode_content=False)
            self.send_response_only(answer.status)
            for name in ("Content-Type", "Content-Security-Policy"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as address:
        yield f"http://{address}{prefix}"


def test_page_works_below_a_path(page: Page, servers: dict[str, Server]) -> None:
    with behind("/api/v1/namespaces/team/services/flowers:80/proxy/", servers["flowers"]) as url:
        opened(page, url)
        assert predicted(page) in ("setosa", "versicolor", "virginica")
        assert f"curl '{url}predict'" in page.text("#snippet")
        page.eventually(lambda: page.all("#explanation tfoot"))
        page.find("nav a[href=docs]").click()
        page.eventually(lambda: page.all("#paths details"))
        page.find("nav a").click()
        page.eventually(lambda: page.driver.current_url == url)
