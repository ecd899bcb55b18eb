"""Clients of S3, patient enough for a busy bucket and not more: whoever waits for one has a minute at most."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.client import BaseClient

CONNECT_SECONDS = 4
READ_SECONDS = 15
ATTEMPTS = 3
"""Of each request, the first one included; two retries wait one to three seconds in all."""


def new_client(profile: str | None = None, **given: Any) -> BaseClient:
    """A client with the credentials, region and endpoint of that AWS profile, or of the environment.

    `given` are boto3's own arguments (`region_name`, `endpoint_url`, ...), which go before both.

    Raises:
        LandingUnavailableError: there is no such profile.
    """
    import boto3.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    from pipelines.landing.address import S3Prefix
    from pipelines.landing.s3_errors import unavailable

    # Asked for nothing more, S3's clients send checksums that other endpoints refuse; what is put carries its MD5.
    config: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "max_pool_connections": 32,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    try:
        session = boto3.session.Session(profile_name=profile)
        client = session.client("s3", config=Config(**config), **given)
        if ".amazonaws.com" not in client.meta.endpoint_url:
            # Buckets of other endpoints seldom have a host name of their own.
            client = session.client("s3", config=Config(**config, s3={"addressing_style": "path"}), **given)
    except BotoCoreError as error:
        raise unavailable(error, "reach S3", S3Prefix("", profile=profile)) from error
    return client


def client_of(profile: str | None) -> BaseClient:
    """This process's client for that profile, or for the environment's own credentials as they are now."""
    variables = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    return _client(os.getpid(), profile, variables)


@lru_cache(maxsize=8)
def _client(process: int, profile: str | None, variables: tuple[tuple[str, str], ...]) -> BaseClient:  # noqa: ARG001
    """The key: a client must not cross a fork, and holds on to the credentials that it began with."""
    return new_client(profile)
