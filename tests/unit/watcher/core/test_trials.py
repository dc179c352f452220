from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from watcher.core.chart import defaults, merge
from watcher.core.render import render
from watcher.core.trials import check, shown, trials_of, with_answers
from watcher.core.types import (
    Entry,
    Manifest,
    ModelId,
    ModelVersion,
    Observed,
    ObservedTrial,
    Pods,
    Release,
    State,
    Trial,
)
from watcher.core.user_values import choose_version, parse
from watcher.errors import Rejected

from .rendered import ARTIFACT, MODEL, STORE

ROUTE = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
V1, V2, V3 = (ModelVersion(MODEL, name, ARTIFACT) for name in ("v1", "v2", "v3"))
ENTRY = Entry(MODEL, (V1, V2, V3))
CANARY, SHADOW = Trial("canary", V3, weight=10), Trial("shadow", V3)
ANSWERING = replace(CANARY, answers=True)


def rendered(*trials: Trial) -> dict[tuple[str, str], Manifest]:
    objects = render(Release(V2, trials=trials), STORE, "models", ROUTE)
    return {(item["kind"], item["metadata"]["name"]): item for item in objects}


def rule(*trials: Trial) -> Any:
    return rendered(*trials)["HTTPRoute", "iris-model-serving"]["spec"]["rules"][0]


def observed(state: State = State.READY, reason: str = "", **trials: ObservedTrial) -> Observed:
    return Observed(MODEL, {}, "v2", state, reason, trials=trials)


def test_stable_version_is_the_highest_that_is_not_on_trial() -> None:
    assert choose_version(ENTRY, {"canary": {"version": "v3", "weight": 10}}) is V2
    assert choose_version(ENTRY, {"canary": {"version": "v3", "weight": 1}, "shadow": {"version": "v2"}}) is V1
    assert choose_version(ENTRY, {"canary": {"version": "v2", "weight": 10}}) is V3
    assert choose_version(ENTRY, {"version": "v1", "canary": {"version": "v3", "weight": 10}}) is V1


def test_no_other_version_than_the_canary_is_rejected() -> None:
    with pytest.raises(Rejected, match=r"canary for every version: upload one that serves"):
        choose_version(Entry(MODEL, (V3,)), {"canary": {"version": "v3", "weight": 10}})


def test_trials_of_versions_that_are_not_there_are_missing() -> None:
    values = {"canary": {"version": "v9", "weight": 10}, "shadow": {"version": "v3"}}
    assert trials_of(ENTRY, V2, values) == ((SHADOW,), ("canary v9 is not in the bucket",))
    assert trials_of(ENTRY, V2, {}) == ((), ())


def test_canary_that_is_pinned_is_rejected() -> None:
    with pytest.raises(Rejected, match="pins v3, which is its canary too: remove canary"):
        trials_of(ENTRY, V3, {"version": "v3", "canary": {"version": "v3", "weight": 10}})


def test_trial_without_a_route_or_with_a_long_name_is_rejected() -> None:
    with pytest.raises(Rejected, match="canary needs a HTTPRoute, and this model has none: ask the operator"):
        check(MODEL, (CANARY,), defaults())
    values = merge(defaults(), ROUTE)
    check(ModelId("team", "m" * 42), (CANARY, SHADOW), values)
    with pytest.raises(Rejected, match="longer than 63 characters: use a shorter name"):
        check(ModelId("team", "m" * 43), (CANARY,), values)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("canary: {version: v3}", "canary: 'weight' is a required property"),
        ("canary: {version: v3, weight: 101}", "canary.weight: 101 is greater than the maximum of 100"),
        ("canary: {version: 3, weight: 10}", "canary.version: 3 is not of type 'string'"),
        ("canary: {version: v3, weight: 1, promote: yes}", "canary.promote: True is not one of ['auto', 'manual']"),
        ("canary: null", "canary: None is not of type 'object'"),
        ("shadow: {version: v3, weight: 1}", "shadow: Additional properties are not allowed"),
        ("shadow: {}", "shadow: 'version' is a required property"),
    ],
)
def test_trial_that_is_not_whole_is_rejected(text: str, problem: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse(text.encode(), "t/m/values.yaml", model_level=True)
    assert problem in str(caught.value)


def test_trial_belongs_in_the_file_of_the_model() -> None:
    with pytest.raises(Rejected, match=r"canary belongs in the values\.yaml one level up"):
        parse(b"canary: {version: v3, weight: 1}", "t/m/v1/values.yaml", model_level=False)


def test_trial_changes_no_object_of_the_stable_version_but_the_route() -> None:
    alone, tried = rendered(), rendered(ANSWERING)
    names = {"iris-model-serving-canary"}
    assert {name for _, name in tried.keys() - alone.keys()} == names
    assert {kind for kind, _ in tried.keys() - alone.keys()} == {
        "Deployment",
        "ConfigMap",
        "Service",
        "HorizontalPodAutoscaler",
    }
    assert {kind for (kind, name), item in alone.items() if tried[kind, name] != item} == {"HTTPRoute"}


def test_trial_has_a_selector_that_no_model_has() -> None:
    tried = rendered(CANARY)
    deployment = tried["Deployment", "iris-model-serving-canary"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/instance"] == "iris.canary"
    assert tried["Service", "iris-model-serving-canary"]["spec"]["selector"].items() <= labels.items()
    assert not tried["Service", "iris-model-serving"]["spec"]["selector"].items() <= labels.items()
    names = [item for item in str(deployment).split("'") if item.startswith("iris-model-serving")]
    assert set(names) == {"iris-model-serving-canary"}  # also where the ConfigMap is named


def test_route_names_a_canary_only_while_it_answers() -> None:
    assert rule(CANARY) == rule()
    assert rule(ANSWERING)["backendRefs"] == [
        {"name": "iris-model-serving", "port": 80, "weight": 90},
        {"name": "iris-model-serving-canary", "port": 80, "weight": 10},
    ]


def test_route_sends_a_copy_to_a_shadow_only_while_it_answers() -> None:
    assert rule(SHADOW) == rule()
    rewrite, mirror = rule(replace(SHADOW, answers=True))["filters"]
    assert rewrite["type"] == "URLRewrite"
    backend = {"name": "iris-model-serving-shadow", "port": 80}
    assert mirror == {"type": "RequestMirror", "requestMirror": {"backendRef": backend}}


def test_trial_answers_while_pods_of_it_are_ready() -> None:
    release = Release(V2, trials=(CANARY, SHADOW))
    seen = ObservedTrial("v3", State.PROGRESSING, "", Pods("v3", 1, 2))
    assert [trial.answers for trial in with_answers(release, observed(canary=seen)).trials] == [True, False]
    gone = replace(seen, pods=Pods("", 0, 2))
    assert not with_answers(release, observed(canary=gone)).trials[0].answers
    assert with_answers(release, None) == release


@pytest.mark.parametrize(
    ("trial", "seen", "expected"),
    [
        (CANARY, None, (State.PROGRESSING, "canary v3 is starting")),
        (CANARY, ObservedTrial("v2", State.READY, "", Pods()), (State.PROGRESSING, "canary v3 is starting")),
        (
            CANARY,
            ObservedTrial("v3", State.PROGRESSING, "waiting", Pods()),
            (State.PROGRESSING, "is starting: waiting"),
        ),
        (ANSWERING, ObservedTrial("v3", State.READY, "", Pods("v3", 1, 1)), (State.READY, "gets 10 % of the requests")),
        (SHADOW, ObservedTrial("v3", State.READY, "", Pods("v3", 1, 1)), (State.READY, "a copy of each request")),
        (CANARY, ObservedTrial("v3", State.FAILED, "no", Pods()), (State.READY, "failed and gets no requests: no")),
        (ANSWERING, ObservedTrial("v3", State.FAILED, "no", Pods()), (State.READY, "failed and gets 10 % of the req")),
    ],
)
def test_shown_is_the_state_of_what_serves_and_what_is_to_say_of_the_trial(
    trial: Trial, seen: ObservedTrial | None, expected: tuple[State, str]
) -> None:
    state, reason = shown(Release(V2, trials=(trial,)), observed(**({trial.track: seen} if seen else {})))
    assert (state, expected[1] in reason) == (expected[0], True), reason


def test_shown_of_a_stable_version_that_failed_is_failed() -> None:
    release = Release(V2, trials=(CANARY,), unmade=("shadow v9 is not in the bucket",))
    found = replace(observed(State.FAILED, "out of memory"), route_problem="no gateway")
    expected = "out of memory; canary v3 is starting; shadow v9 is not in the bucket; no gateway"
    assert shown(release, found) == (State.FAILED, expected)


def test_shown_without_a_trial_is_what_was_observed() -> None:
    assert shown(Release(V2), observed(State.PROGRESSING, "waiting")) == (State.PROGRESSING, "waiting")
    assert shown(Release(V2), replace(observed(), route_problem="no gateway")) == (State.READY, "")


def test_shown_says_why_a_canary_was_rolled_back_and_how_one_is_compared() -> None:
    ready = ObservedTrial("v3", State.READY, "", Pods("v3", 1, 1))
    ended = replace(ANSWERING, weight=0, verdict="rolled back, too slow")
    assert shown(Release(V2, trials=(ended,)), observed(canary=ready)) == (
        State.READY,
        "canary v3 gets 0 % of the requests: rolled back, too slow",
    )
    assert shown(Release(V2, trials=(ANSWERING,)), observed(canary=ready), "compared for 10 min")[1] == (
        "canary v3 gets 10 % of the requests; compared for 10 min"
    )
