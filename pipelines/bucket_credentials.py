"""What a step of the local workspace needs to read uploads in a bucket: on Databricks a volume stands for it."""

from __future__ import annotations

import os

from pipelines.landing.address import S3Prefix
from pipelines.settings import Settings

_SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_PLAIN = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")


def bucket_secrets(settings: Settings) -> dict[str, str]:
    """The secret environment variables that this process has for the bucket, and under which key each is shared."""
    if not _uses_bucket(settings):
        return {}
    return {name: name.lower().replace("_", "-") for name in _SECRET if os.environ.get(name)}


def bucket_variables(settings: Settings) -> dict[str, str]:
    """The other environment variables that this process has for the bucket."""
    if not _uses_bucket(settings):
        return {}
    return {name: os.environ[name] for name in _PLAIN if os.environ.get(name)}


def _uses_bucket(settings: Settings) -> bool:
    return isinstance(settings.landing, S3Prefix) or isinstance(settings.customers, S3Prefix)
