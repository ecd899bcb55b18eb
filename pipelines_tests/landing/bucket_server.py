"""A real S3 API on loopback (moto's server), with buckets for tests."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from pipelines.landing import S3Prefix
from pipelines.landing.s3_client import new_client

ACCOUNT = "123456789012"
_NUMBERS = count(1)


class BucketServer:
    """The server and what it holds."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.client: Any = new_client(
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def new_bucket(self) -> str:
        """An empty bucket."""
        name = f"uploads-{next(_NUMBERS)}"
        self.client.create_bucket(Bucket=name)
        return name

    def stop(self) -> None:
        """End the server; its buckets are gone."""
        self._server.stop()


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    """A server that ends with the block."""
    server = BucketServer()
    try:
        yield server
    finally:
        server.stop()


class BucketZone:
    """A landing zone in a bucket, with what uploaders do to it."""

    def __init__(self, server: BucketServer, address: S3Prefix) -> None:
        self.client, self.address = server.client, address

    def write(self, path: str, content: bytes = b"x") -> None:
        """Upload an object under `<prefix>/<path>`."""
        self.client.put_object(Bucket=self.address.bucket, Key=f"{self.address.key_prefix}{path}", Body=content)

    def write_many(self, paths: Iterable[str], content: bytes = b"x") -> None:
        """The same without a request for each: straight into the server's store, which is in this process."""
        store = s3_backends[ACCOUNT]["aws"]
        for path in paths:
            store.put_object(self.address.bucket, f"{self.address.key_prefix}{path}", content)

    def remove(self, path: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=self.address.bucket, Key=f"{self.address.key_prefix}{path}")

    def read(self, path: str) -> bytes:
        """What an object holds now."""
        return self.client.get_object(Bucket=self.address.bucket, Key=f"{self.address.key_prefix}{path}")["Body"].read()
