"""How Dagster opens the landing zone: a folder as it is, a bucket through an `S3Resource` of dagster-aws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.landing import Address, Kind, S3Prefix, Uploads, uploads_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster_aws.s3 import S3Resource


def landing_access(landing: Address) -> Callable[[Kind], Uploads]:
    """Opens the uploads of a kind. Building it for a bucket imports dagster-aws, which takes seconds."""
    client = s3_resource(landing).get_client() if isinstance(landing, S3Prefix) else None
    return lambda kind: uploads_at(landing / kind, client)


def s3_resource(bucket: S3Prefix) -> S3Resource:
    """Access to the bucket with the credentials, region and endpoint of its profile, or of the environment.

    Dagster's own resource, except that a request gives up within a minute, in time for a sensor's tick to say why,
    and that ticks share a client.
    """
    from dagster_aws.s3 import S3Resource

    from pipelines.landing.s3_client import client_of, new_client

    class LandingS3Resource(S3Resource):
        """S3 with the time limits of the landing zone."""

        def get_client(self) -> Any:
            """The client of this process."""
            given = {
                name: value
                for name in ("region_name", "endpoint_url", "aws_access_key_id", "aws_secret_access_key")
                if (value := getattr(self, name)) is not None
            }
            return new_client(self.profile_name, **given) if given else client_of(self.profile_name)

    return LandingS3Resource(profile_name=bucket.profile)
