from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from watcher.client.contexts import Context
from watcher.client.doctor.facts import FolderFacts, Keys, NoReply, Place, Release, Reply, Rule
from watcher.client.doctor.store_probe import skew_of
from watcher.net.causes import Cause
from watcher.stores.endpoint import Endpoint

from .facts_of import CONTEXT, DENIED, error, found, source, status, store, verdicts

NOW = datetime(2026, 11, 30, 10, 0, 0, 700_000, UTC)
POD = Place(CONTEXT, pod=Release("kubeserve", "kubeserve", "kubeserve", {}))
BOTH = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
ARN = "arn:minio:sqs::KUBESERVE:webhook"


def test_a_healthy_set_up_has_only_ok_findings() -> None:
    assert set(verdicts().values()) == {"ok"}
    assert found("webhook", store=store(rules=[Rule(ARN, BOTH)])).detail == (
        "1 hints, the last one at 2026-11-30T10:00:00+00:00"
    )


def test_a_store_without_an_answer_skips_what_depends_on_it() -> None:
    reply = NoReply(Cause.REFUSED, "connection refused")
    names = verdicts(store=store(reply=reply))
    assert names["store"] == "fail"
    assert [names[name] for name in ("clock", "credentials", "bucket", "permissions", "webhook")] == ["skip"] * 5


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(CONTEXT), "kubeserve context set lab --s3-endpoint http://minio.lab:9000"),
        (Place(CONTEXT, frozenset({"KUBESERVE_S3_ENDPOINT"})), "export KUBESERVE_S3_ENDPOINT=http://minio.lab:9000"),
        (Place(Context()), "export KUBESERVE_S3_ENDPOINT=http://minio.lab:9000"),
        (POD, "helm upgrade kubeserve manifests/charts/kubeserve -n kubeserve --reuse-values --set s3.endpoint=http"),
    ],
)
def test_a_setting_is_changed_where_the_user_has_it(place: Place, expected: str) -> None:
    broken = store(reply=NoReply(Cause.NO_TLS, "the port does not speak TLS"))
    assert expected in found("store", store=broken, place=place).remedy


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "ok"), (300, "ok"), (301, "fail"), (-299, "ok"), (-301, "fail"), (None, "skip")]
)
def test_a_clock_is_wrong_from_five_minutes_on(seconds: float | None, verdict: str) -> None:
    assert found("clock", store=store(reply=Reply("", seconds))).verdict == verdict


def test_clocks_that_differ_so_much_that_the_store_refuses_are_the_one_fault() -> None:
    names = verdicts(store=store(reply=Reply("", 1200.0), listing=error("RequestTimeTooSkewed")))
    assert [name for name, verdict in names.items() if verdict == "fail"] == ["clock"]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (format_datetime(NOW.replace(microsecond=0), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(minutes=10), usegmt=True), 600.0),
        (format_datetime(NOW - timedelta(minutes=10), usegmt=True), -600.0),
        ("", None),
        ("yesterday", None),
    ],
)
def test_skew_of_a_date_is_its_distance_from_the_request(date: str, expected: float | None) -> None:
    skew = skew_of(date, NOW, NOW + timedelta(milliseconds=20))
    assert skew == expected if expected is None else skew == pytest.approx(expected, abs=1.0)


def test_temporary_credentials_are_a_warning_in_the_watchers_pod_alone() -> None:
    temporary = store(keys=Keys("reader", temporary=True))
    assert found("credentials", store=temporary).verdict == "ok"
    finding = found("credentials", store=temporary, place=POD)
    assert finding.verdict == "warn"
    assert "kubectl patch secret kubeserve-s3 -n kubeserve" in finding.remedy


def test_the_watcher_needs_no_right_to_write() -> None:
    assert found("permissions", store=store(write=DENIED)).verdict == "warn"
    assert found("permissions", store=store(write=DENIED), place=POD).verdict == "ok"


def test_an_answer_of_the_store_that_is_not_known_is_a_fault_of_the_bucket() -> None:
    finding = found("bucket", store=store(listing=error("SlowDown", "the store answers SlowDown")))
    assert (finding.verdict, finding.detail) == ("fail", "the store answers SlowDown")


def test_a_policy_at_amazon_is_amended_by_its_own_tool() -> None:
    amazon = store(endpoint=Endpoint.of("https://s3.eu-central-1.amazonaws.com", secure=True), read=DENIED)
    assert "aws iam put-user-policy" in found("permissions", store=amazon).remedy


@pytest.mark.parametrize(
    ("sources", "listen", "verdict", "expected"),
    [
        (["listen"], "StreamNotLive", "ok", "the watcher follows it"),
        ([], "StreamNotLive", "warn", "the store sends nothing"),
        (["webhook"], "StreamNotLive", "ok", "the webhook delivers"),
        ([], "StreamUnsupported", "ok", "the store has none"),
        ([], "SlowDown", "skip", "why"),
    ],
)
def test_a_listen_stream_is_judged_with_what_else_gives_hints(
    sources: list[str], listen: str, verdict: str, expected: str
) -> None:
    shown = status(source("poll"), *map(source, sources))
    finding = found("listen stream", store=store(listen=error(listen)), status=shown)
    assert (finding.verdict, expected in finding.detail) == (verdict, True)


@pytest.mark.parametrize(
    ("rules", "webhook", "verdict", "expected"),
    [
        ([], {"live": False, "hints": 0}, "ok", "none is configured"),
        ([], {"hints": 0}, "warn", "has no rule"),
        ([Rule("arn:aws:sqs:eu:1:queue", BOTH)], {"hints": 0}, "warn", "has no rule"),
        ([Rule(ARN, BOTH[:1])], {}, "warn", "lack the events s3:ObjectRemoved:*"),
        ([Rule(ARN, BOTH)], {"live": False, "hints": 0}, "fail", "has no token"),
        ([Rule(ARN, BOTH)], {"hints": 0}, "warn", "nothing has arrived"),
        (DENIED, {"hints": 0}, "skip", "s3:GetBucketNotification"),
        (DENIED, {"hints": 3}, "ok", "3 hints"),
    ],
)
def test_a_webhook_is_judged_from_the_rule_to_the_delivery(
    rules: Any, webhook: dict[str, Any], verdict: str, expected: str
) -> None:
    shown = status(source("poll"), source("webhook", **webhook))
    finding = found("webhook", store=store(rules=rules), status=shown)
    assert (finding.verdict, expected in finding.detail) == (verdict, True)


def test_a_folder_in_the_place_of_the_bucket_must_be_there_and_writable() -> None:
    folder = FolderFacts("/data/my models", exists=True, writable=True)
    assert found("store", store=folder).verdict == "ok"
    assert found("store", store=replace(folder, writable=False)).verdict == "fail"
    assert found("store", store=replace(folder, exists=False)).remedy == "mkdir -p '/data/my models'"
