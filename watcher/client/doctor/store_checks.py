"""What the facts of a store mean. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.client.doctor import store_remedies as remedies
from watcher.client.doctor.facts import Facts, FolderFacts, Keys, NoReply, Place, Reply, StoreFacts
from watcher.client.doctor.finding import Finding, fail, ok, skip, warn
from watcher.client.doctor.hint_checks import DENIED, check_listen_stream, check_webhook, in_words
from watcher.client.doctor.remedies import endpoint, quoted
from watcher.errors import WatcherError
from watcher.net.causes import Cause

MOST_SKEW = 300
"""Seconds. S3 refuses requests at 900; a clock that is 5 minutes off will get there."""
REFUSED = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})
EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "InvalidTokenId"})
ABSENT = frozenset({"InvalidCredentials", "NoCredentials"})
NOT_S3 = frozenset({"NoStore", "StoreUnusable", "Redirected"})
EXPIRED_CERTIFICATE, SELF_SIGNED, OTHER_HOST = {10}, {18, 19}, {62, 64}
"""OpenSSL's verify codes."""
AFTER_REPLY = ("clock", "credentials", "bucket", "permissions", "listen stream", "webhook")


def check_store(facts: Facts) -> Iterator[Finding]:
    """Yield what is to be said of the store."""
    store = facts.store
    if isinstance(store, WatcherError):
        yield fail("store", str(store), _setting_remedy(str(store), facts.place))
        return
    if isinstance(store, FolderFacts):
        yield _folder(store)
        return
    if isinstance(store.reply, NoReply):
        yield from _no_reply(store, store.reply, facts.place)
        return
    problem = _problem(store)
    if isinstance(problem, WatcherError) and problem.reason in NOT_S3:
        detail = f"{store.endpoint.url} does not answer as an S3 store does: {problem}"
        yield fail("store", detail, endpoint(facts.place, "https://HOST:PORT"))
        yield from (skip(name, "it is not a store") for name in AFTER_REPLY)
        return
    yield ok("store", f"{store.endpoint.url} answers" + (f" ({store.reply.server})" if store.reply.server else ""))
    if store.endpoint.secure:
        yield ok("certificate", "the store's certificate is trusted")
    yield _clock(store.reply, problem)
    yield from _with_keys(facts, store, problem)


def _setting_remedy(problem: str, place: Place) -> str:
    """Return the command for a setting that is wrong by itself."""
    if problem.startswith("AWS_CA_BUNDLE"):
        return 'ls -l "$AWS_CA_BUNDLE"   # a file of certificates (PEM), or:\nunset AWS_CA_BUNDLE'
    return f"kubeserve context show\n{endpoint(place, 'http://HOST:PORT')}"


def _folder(store: FolderFacts) -> Finding:
    if not store.exists:
        return fail("store", f"the folder {store.path} does not exist", f"mkdir -p {quoted(store.path)}")
    if not store.writable:
        command = f"sudo chown -R $(id -u) {quoted(store.path)}"
        return fail("store", f"the folder {store.path} cannot be read and written", command)
    return ok("store", f"the folder {store.path} can be read and written")


def _problem(store: StoreFacts) -> WatcherError | None:
    """Return why signed requests fail, or None. The listing is what the watcher itself depends on."""
    for found in (store.keys, store.listing):
        if isinstance(found, WatcherError):
            return found
    return None


def _no_reply(store: StoreFacts, reply: NoReply, place: Place) -> Iterator[Finding]:
    url = store.endpoint.url
    if reply.cause is Cause.UNTRUSTED:
        yield ok("store", f"{url} answers by TLS")
        yield fail("certificate", _certificate(reply), remedies.certificate(place, store.endpoint, _what(reply)))
    else:
        yield fail("store", f"{url}: {reply.words}", _address_remedy(store, reply.cause, place))
    yield from (skip(name, "the store does not answer") for name in AFTER_REPLY)


def _what(reply: NoReply) -> str:
    if reply.verify_code in EXPIRED_CERTIFICATE:
        return "expired"
    if reply.verify_code in OTHER_HOST:
        return "other host"
    return "self-signed" if reply.verify_code in SELF_SIGNED else "unknown authority"


def _certificate(reply: NoReply) -> str:
    return {
        "expired": "the store's certificate has expired",
        "other host": "the store's certificate is for another host name",
        "self-signed": "the store's certificate is signed by itself, and not among those that are trusted",
        "unknown authority": "an authority that is not trusted signed the store's certificate",
    }[_what(reply)]


def _address_remedy(store: StoreFacts, cause: Cause, place: Place) -> str:
    host = store.endpoint.host
    if cause is Cause.NEEDS_TLS:
        return endpoint(place, f"https://{host}")
    if cause is Cause.NO_TLS:
        return endpoint(place, f"http://{host}")
    look = {
        Cause.UNKNOWN_HOST: f"getent hosts {host.rpartition(':')[0] or host}",
        Cause.REFUSED: f"curl -sv {store.endpoint.url}/   # is the store started, and is this its port?",
    }
    return f"{look.get(cause, f'curl -sv {store.endpoint.url}/')}\n{endpoint(place, 'http://HOST:PORT')}"


def _clock(reply: Reply, problem: WatcherError | None) -> Finding:
    skewed = problem is not None and problem.reason == "RequestTimeTooSkewed"
    if reply.skew is None and not skewed:
        return skip("clock", "the store's answer has no Date")
    skew = reply.skew or 0.0
    if not skewed and abs(skew) <= MOST_SKEW:
        return ok("clock", f"within {max(1, round(abs(skew)))} s of the store's")
    way = "behind" if skew > 0 else "ahead of"
    detail = (
        f"this machine's clock is {round(abs(skew) / 60)} minutes {way} the store's; requests are refused from 15 on"
    )
    return fail("clock", detail, "timedatectl status; sudo timedatectl set-ntp true   # on the machine that is wrong")


def _with_keys(facts: Facts, store: StoreFacts, problem: WatcherError | None) -> Iterator[Finding]:
    reason = problem.reason if problem else ""
    if problem and reason in REFUSED | EXPIRED | ABSENT:
        yield fail("credentials", in_words(problem), remedies.keys(facts.place, temporary=reason in EXPIRED))
        yield from (skip(name, "the credentials are not accepted") for name in AFTER_REPLY[2:])
        return
    if reason == "RequestTimeTooSkewed":
        yield from (skip(name, "the clocks differ") for name in AFTER_REPLY[1:])
        return
    if problem and reason not in {DENIED, "NoSuchBucket"}:
        yield fail("bucket", in_words(problem), f"mc admin info store; curl -sv {store.endpoint.url}/")
        yield from (skip(name, "the bucket cannot be listed") for name in AFTER_REPLY[3:])
        return
    yield _credentials(facts, store)
    if reason == "NoSuchBucket":
        yield fail("bucket", f"there is no bucket {store.bucket}", remedies.make_bucket(store, facts.place))
        yield from (skip(name, f"there is no bucket {store.bucket}") for name in AFTER_REPLY[3:])
        return
    if reason == DENIED:
        yield skip("bucket", "without s3:ListBucket a bucket that may not be seen looks like one that is not there")
    else:
        yield ok("bucket", f"{store.bucket} exists")
    yield _permissions(facts, store)
    yield check_listen_stream(facts, store)
    yield check_webhook(facts, store)


def _credentials(facts: Facts, store: StoreFacts) -> Finding:
    keys = store.keys
    assert isinstance(keys, Keys)
    in_cluster = facts.place.pod is not None
    if keys.temporary and in_cluster:
        limit = "URLs that it signs for pods end with it, also if the watcher is away"
        detail = f"the store accepts {keys.access_key}, but it is temporary: {limit}"
        return warn("credentials", detail, remedies.pod_keys(facts.place))
    return ok("credentials", f"the store accepts {keys.access_key}" + (" (temporary)" if keys.temporary else ""))


def _permissions(facts: Facts, store: StoreFacts) -> Finding:
    lacking = _lacking(store)
    reads_only = lacking == ["s3:PutObject"]
    if reads_only and facts.place.pod:
        return ok("permissions", "list and read, which is all that the watcher needs")
    if not lacking:
        written = "write" if store.wrote else "write as far as can be seen (--write tries it)"
        return ok("permissions", f"list, read, {written}")
    detail = f"the policy lacks {' and '.join(lacking)}"
    remedy = remedies.policy(store, lacking)
    if reads_only:
        return warn("permissions", f"{detail}: push, pin, pause and delete cannot write with these keys", remedy)
    return fail("permissions", detail, remedy)


def _lacking(store: StoreFacts) -> list[str]:
    """Return the actions that the store denies. Reading cannot be tried where no object is known."""
    answers = {"s3:ListBucket": store.listing, "s3:GetObject": store.read, "s3:PutObject": store.write}
    if isinstance(store.listing, WatcherError):
        del answers["s3:GetObject"]
    return [action for action, found in answers.items() if isinstance(found, WatcherError) and found.reason == DENIED]
