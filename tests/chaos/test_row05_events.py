"""Row 5: events that are doubled, reordered, dropped or invented change no result, and start no rollout."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest
import structlog
import urllib3

from tests.integration.driving import Watcher, eventually
from tests.unit.watcher.control.reconciled import World
from watcher.core.naming import model_of
from watcher.core.types import Change, ModelId, ObjectKey
from watcher.errors import WatcherError

from .rows import amount, record
from .scene import Scene, after_surveys

INVENTED = ("team/ghost/v1/model.joblib", "team/a/v9/model.joblib", "team/b/values.yaml", "other/a/v1/model.joblib")
TOKEN = "token"

Action = Callable[[], None]


class Recorded(World):
    """A world that fails when something is written that is there already: that would be a needless rollout."""

    def apply(self, change: Change) -> dict[ObjectKey, str]:
        before = dict(self.objects.get(change.model, {}))
        digests = super().apply(change)
        assert change.remove or self.objects.get(change.model) != before, change
        return digests

    def hint(self, key: str) -> None:
        """Do what the loop does with a hint."""
        if model := model_of(key):
            with suppress(WatcherError):
                self.reconciler.reconcile(model)


def changes(dice: random.Random) -> list[tuple[str, bytes | None]]:
    """Return uploads and deletions (None) of a few versions of two models."""
    found: list[tuple[str, bytes | None]] = []
    for _ in range(dice.randint(1, 6)):
        path = f"{dice.choice('ab')}/v{dice.randint(1, 3)}/model.joblib"
        found.append((path, None if dice.random() < 0.25 else b"%d" % dice.randrange(3)))
    return found


def stream(dice: random.Random, keys: list[str]) -> list[str]:
    """Return the events of these keys in disorder: each up to three times or missing, among invented ones."""
    found = [key for key in keys for _ in range(dice.choice((0, 1, 1, 2, 3)))]
    found += dice.choices(INVENTED, k=dice.randint(0, 3))
    dice.shuffle(found)
    return found


@pytest.fixture
def silent() -> Iterator[None]:
    """Log nothing: lines for each of 100,000 runs would take most of the time."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("silent")
def test_pure_core_with_events_in_any_disorder_ends_as_without_events() -> None:
    count = amount(500, 100_000)
    world, fresh = Recorded("", fraction=1), World("", fraction=1)
    for seed in range(count):
        dice = random.Random(seed)
        steps = changes(dice)
        empty(world)
        empty(fresh)
        hints = stream(dice, [f"team/{path}" for path, _ in steps])
        for action in interleaved(dice, [partial(change, world, *step) for step in steps], hints, world.hint):
            action()
        world.look()
        world.look(1)
        fresh.files = world.files
        fresh.look()
        assert world.objects == fresh.objects, f"seed {seed}"
    record(5, "pure core", f"{count:,} permutations, the same state in each, no needless write")


def empty(world: World) -> None:
    """Make it a new world. To construct one costs more, for its metrics."""
    world.files, world.objects = {}, {}
    world.restart()


def change(world: World, path: str, data: bytes | None) -> None:
    if data is None:
        world.files.pop(f"team/{path}", None)
    else:
        world.put(path, data)


def interleaved(
    dice: random.Random, steps: list[Action], hints: list[str], hint: Callable[[str], None]
) -> Iterator[Action]:
    """Yield the steps in their order, and the hints at any time."""
    left: list[Action] = [partial(hint, key) for key in hints]
    while steps or left:
        source = steps if dice.random() < len(steps) / (len(steps) + len(left)) else left
        yield source.pop(0)


def test_real_parts_with_events_in_any_disorder_roll_out_each_upload_at_most_once(scene: Scene) -> None:
    """The events go to the webhook. The poll is off, but for the survey at the start, until the last look."""
    dice = random.Random(5)
    rounds = amount(6, 300)
    arguments = ("--no-listen-stream", "--poll-interval", "3600")
    sent = 0
    with scene.watcher(*arguments, KUBESERVE_WEBHOOK_TOKEN=TOKEN) as watcher:
        after_surveys(watcher, 1)
        keys = [f"{scene.cluster.namespace}/a/v1/model.joblib", f"{scene.cluster.namespace}/b/v1/model.joblib"]
        for number in range(rounds):
            for name in ("a", "b"):
                scene.put(f"{name}/v1/model.joblib", b"bytes %d" % number)
            for key in [*stream(dice, keys * 3), *keys]:
                notify(watcher, scene.uploads.bucket, key)
                sent += 1
            expected = {name: stat(scene, f"{name}/v1/model.joblib") for name in ("a", "b")}
            eventually(lambda expected=expected: {name: scene.etag(name) for name in ("a", "b")} == expected)  # type: ignore[misc]
    generations = [scene.cluster.deployment(name).metadata.generation for name in ("a", "b")]
    with scene.watcher("--poll-interval", "0.5") as watcher:
        after_surveys(watcher, 2)
    assert generations == [scene.cluster.deployment(name).metadata.generation for name in ("a", "b")]
    assert max(generations) <= rounds
    record(5, "real parts", f"{sent:,} events of {2 * rounds} uploads, {sum(generations)} rollouts")


def notify(watcher: Watcher, bucket: str, key: str) -> None:
    """Send a notification to the webhook."""
    body = json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{watcher.port}/events"
    assert urllib3.request("POST", url, body=body, headers=headers, timeout=60).status == 200


def stat(scene: Scene, path: str) -> str:
    return scene.uploads.etag(f"{scene.cluster.namespace}/{path}")


def test_model_of_an_invented_key_has_no_meaning_of_its_own() -> None:
    assert model_of(INVENTED[0]) == ModelId("team", "ghost")  # so the invented keys do reach the reconciler
