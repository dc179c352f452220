"""The watcher's own S3 credentials: `AWS_*` variables, the shared credentials file, then the platform's role."""

from __future__ import annotations

import configparser
import os
from collections.abc import Callable, Mapping

import urllib3
from minio.credentials.credentials import Credentials
from minio.credentials.providers import AWSConfigProvider, IamAwsProvider, Provider

from watcher import process_secrets
from watcher.errors import Rejected, Retryable

METADATA_HOST = "http://169.254.169.254"


class OwnCredentials(Provider):
    """Implements the client's `Provider`. Thread-safe: a race costs at most one request more.

    The file is read for every request (0.2 ms): one that a Vault agent, an SSO helper or a mounted
    Secret rewrites is in effect from the next request. A role's credentials are kept until they expire, or until the
    store has refused them.
    """

    def __init__(self, pool_of: Callable[[str], urllib3.PoolManager], keys: tuple[str, str] | None = None) -> None:
        """`keys`, an access key and a secret key, replace all other credentials."""
        self._pool_of, self._keys = pool_of, keys
        self._role: IamAwsProvider | None = None

    def retrieve(self) -> Credentials:
        """Return the current credentials.

        Raises:
            Rejected: `InvalidCredentials`, variables or file are incomplete or malformed.
            Retryable: `NoCredentials`, there are none.

        """
        if self._keys:
            return Credentials(*self._keys)
        variables = process_secrets.store_keys()
        if variables.keys() - {"AWS_SESSION_TOKEN"}:
            return _from_variables(variables)
        try:
            return AWSConfigProvider().retrieve()
        except ValueError as error:
            return self._from_role(str(error))
        except (configparser.Error, OSError) as error:
            cause = f"the shared credentials file cannot be read ({type(error).__name__})"
            raise Rejected("InvalidCredentials", f"{cause}: expected an INI file with a section per profile") from error

    def forget(self) -> None:
        """Ask the platform for new credentials at the next request: the store has refused the last ones."""
        self._role = None

    def _from_role(self, file_problem: str) -> Credentials:
        role_problem = "AWS_EC2_METADATA_DISABLED"
        if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
            role = self._role = self._role or IamAwsProvider(http_client=self._pool_of(_role_url()))
            try:
                return role.retrieve()
            except (ValueError, KeyError, OSError, urllib3.exceptions.HTTPError) as error:
                role_problem = f"the platform gives no role ({type(error).__name__})"
        advice = "there are no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise Retryable("NoCredentials", f"{advice} ({file_problem}; {role_problem})")


def _from_variables(variables: Mapping[str, str]) -> Credentials:
    access = variables.get("AWS_ACCESS_KEY_ID") or variables.get("AWS_ACCESS_KEY")
    secret = variables.get("AWS_SECRET_ACCESS_KEY") or variables.get("AWS_SECRET_KEY")
    if not access or not secret:
        advice = "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise Rejected("InvalidCredentials", f"the S3 credentials are incomplete: {advice}")
    return Credentials(access, secret, variables.get("AWS_SESSION_TOKEN"))


def _role_url() -> str:
    """Return where the platform's credentials come from, for the choice of a proxy."""
    return "https://sts.amazonaws.com" if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") else METADATA_HOST
