"""Ask an S3 store, or a folder in its place. Nothing is written unless that is asked for."""

from __future__ import annotations

import io
import os
import secrets
import ssl
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import urllib3

from watcher.client.contexts import Context
from watcher.client.doctor.facts import FolderFacts, Keys, NoReply, Reply, Rule, StoreFacts
from watcher.client.doctor.gathering import gathered
from watcher.client.store import s3_client
from watcher.core.text import one_line
from watcher.errors import Retryable, WatcherError
from watcher.net.causes import Cause, explained, wrapped_by
from watcher.settings_values import certificates
from watcher.sources.listen_stream import EVENTS, check
from watcher.stores.base import NO_SUCH_KEY
from watcher.stores.client import StoreClient, pool_for, read_at_most
from watcher.stores.endpoint import Endpoint
from watcher.stores.failures import ADVICE, is_tls_hint

SECONDS = 4.0
"""Seconds for a connection, and for each answer."""
PING, SILENCE = 1, 3.0
"""Seconds. How often a listen stream is asked to send something, and after how long without it does not deliver."""
PAGE_LIMIT = 64 * 1024
PROBE = "_kubeserve-doctor/"
"""Prefix of an object that is written and deleted on request. The watcher ignores keys that begin with "_"."""


def probe_folder(path: Path) -> FolderFacts:
    """Return what is known of a folder in the place of the bucket."""
    return FolderFacts(str(path), path.is_dir(), os.access(path, os.R_OK | os.W_OK | os.X_OK))


def probe_store(context: Context, *, write: bool) -> StoreFacts:
    """Return what is known of a context's store.

    Raises:
        Rejected: the address, the bucket's name or AWS_CA_BUNDLE is malformed.

    """
    certificates(os.environ)
    client = s3_client(context, SECONDS)
    endpoint = Endpoint.of(context.s3_endpoint, secure=False)
    with closing(client):
        reply = reply_of(endpoint)
        if isinstance(reply, NoReply):
            unasked = Retryable("NoReply", "the store does not answer")
            return StoreFacts(endpoint, context.bucket, reply, unasked, unasked, unasked, unasked, unasked, unasked)
        found = gathered(_questions(client, context, write=write))
    return StoreFacts(endpoint, context.bucket, reply, **found, wrote=write)


def reply_of(endpoint: Endpoint) -> Reply | NoReply:
    """Send a request without credentials. Any answer is one."""
    try:
        with pool_for(endpoint.url, SECONDS, SECONDS, retries=0) as pool:
            before = datetime.now(UTC)
            answer = pool.request("GET", f"{endpoint.url}/", redirect=False, preload_content=False)
            after = datetime.now(UTC)
            text = read_at_most(answer, PAGE_LIMIT).decode(errors="replace")
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return _no_reply(error)
    if is_tls_hint(text):
        return NoReply(Cause.NEEDS_TLS, f"the port expects TLS: {ADVICE.needs_tls}")
    return Reply(one_line(answer.headers.get("Server", ""), 60), skew_of(answer.headers.get("Date", ""), before, after))


def _no_reply(error: Exception) -> NoReply:
    codes = (item.verify_code for item in wrapped_by(error) if isinstance(item, ssl.SSLCertVerificationError))
    return NoReply(*explained(error, ADVICE), next(codes, 0))


def skew_of(date: str, before: datetime, after: datetime) -> float | None:
    """Return how far a Date header is from our clock when it was written; it has whole seconds. None without one."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    theirs = theirs.replace(tzinfo=theirs.tzinfo or UTC)
    if before.replace(microsecond=0) <= theirs <= after:
        return 0.0
    return (theirs - (before if theirs < before else after)).total_seconds()


def _questions(client: StoreClient, context: Context, *, write: bool) -> dict[str, Callable[[], object]]:
    bucket = context.bucket
    return {
        "keys": partial(_keys, client),
        "listing": partial(_list, client, bucket),
        "read": partial(_read, client, bucket),
        "write": partial(_write if write else _may_write, client, context),
        "listen": partial(_listen, context),
        "rules": partial(_rules, client, bucket),
    }


def _keys(client: StoreClient) -> Keys:
    found = client.credentials()
    return Keys(found.access_key, bool(found.session_token))


def _list(client: StoreClient, bucket: str) -> int:
    """Return the number of objects on the first page."""
    with client.call(f"listing bucket {bucket}"):
        return len(client.page(bucket, "", "").objects)


def _read(client: StoreClient, bucket: str) -> None:
    """Read a byte of the first object. In an empty bucket `NoSuchKey` shows that reading is allowed."""
    with client.call(f"listing bucket {bucket}"):
        objects = client.page(bucket, "", "").objects
    key = next((str(item.object_name) for item in objects), f"{PROBE}none")
    try:
        with client.call(f"reading s3://{bucket}/{key}"):
            read_at_most(client.get_object(bucket, key), 1)
    except WatcherError as error:
        if error.reason != NO_SUCH_KEY:
            raise


def _may_write(client: StoreClient, context: Context) -> None:
    """Ask whether an object could be written, without writing one."""
    try:
        with client.call(f"asking for the right to write to {context.bucket}"):
            client.completing(context.bucket, _probe_key(context))
    except WatcherError as error:
        if error.reason != "NoSuchUpload":
            raise


def _write(client: StoreClient, context: Context) -> None:
    """Write an object and delete it again."""
    key, content = _probe_key(context), b"kubeserve doctor --write"
    with client.call(f"writing s3://{context.bucket}/{key}"):
        client.put_object(context.bucket, key, io.BytesIO(content), len(content))
    with client.call(f"deleting s3://{context.bucket}/{key}"):
        client.remove_object(context.bucket, key)


def _probe_key(context: Context) -> str:
    """Return a key of the namespace: a policy may allow that prefix alone. The watcher ignores such a file."""
    return f"{context.namespace or PROBE.rstrip('/')}/kubeserve-doctor-{secrets.token_hex(4)}"


def _listen(context: Context) -> None:
    """Open the listen stream, and wait for its first bytes."""
    # A client of its own, as the watcher has: the stream is not to hold a connection that another call wants.
    with (
        closing(s3_client(context, SILENCE, retries=0)) as client,
        client.call("opening the listen stream", 2 * SECONDS),
    ):
        try:
            with closing(client.notifications(context.bucket, EVENTS, PING)) as response:
                check(response)
                if not response.read1(1):
                    raise Retryable("StreamNotLive", "the store closes the stream at once")
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Retryable("StreamNotLive", f"no bytes for {SILENCE:g} s") from error


def _rules(client: StoreClient, bucket: str) -> list[Rule]:
    with client.call(f"reading the notification rules of {bucket}"):
        found = client.get_bucket_notification(bucket)
    return [
        Rule(str(item.queue), tuple(item.events), item.suffix_filter_rule.value if item.suffix_filter_rule else "")
        for item in found.queue_config_list or []
    ]
