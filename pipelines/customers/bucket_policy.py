"""The IAM policy of a customer who puts files into the bucket by itself: its own prefix and nothing else."""

from __future__ import annotations

import json
from typing import Any

from pipelines.customers.places import INBOX, MAPS, REVIEWS, SESSIONS, folder_of_customer
from pipelines.landing.address import S3Prefix


def bucket_policy(zone: S3Prefix, customer: str) -> str:
    """The policy as JSON, for the IAM user or role that the customer's uploads come from.

    It lets them list their own folder, add sessions, requests and column maps, and read answers and review pages.
    Nothing can be deleted by it.

    Raises:
        InvalidCustomerError: that is no customer's identifier.
    """
    own = folder_of_customer(zone, customer)
    bucket, folder = f"arn:aws:s3:::{own.bucket}", f"arn:aws:s3:::{own.bucket}/{own.prefix}"
    # A prefix that ends in a slash, or `acme` would list what begins with it, such as `acme_two`.
    return _json(
        _allow("ListOwnFolder", ["s3:ListBucket"], bucket, {"StringLike": {"s3:prefix": [f"{own.prefix}/*"]}}),
        _allow(
            "Upload",
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [f"{folder}/{each}/*" for each in (SESSIONS, INBOX, MAPS)],
        ),
        _allow("ReadOwn", ["s3:GetObject"], [f"{folder}/{each}/*" for each in (SESSIONS, INBOX, REVIEWS, MAPS)]),
    )


def _allow(name: str, actions: list[str], resource: str | list[str], condition: Any = None) -> dict[str, Any]:
    statement = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _json(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
