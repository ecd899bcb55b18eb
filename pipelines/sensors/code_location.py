"""Has a code location loaded anew, so that its graph is that of other manifests."""

from __future__ import annotations

from urllib.parse import urlsplit


class ReloadError(Exception):
    """A code location could not be loaded anew; the message says why and what to do."""


def reload_location(dagster_url: str, location: str, seconds: int = 40) -> None:
    """Ask Dagster's web server to load the location anew, and wait until it has.

    Raises:
        ReloadError: it cannot be reached, does not know the location, or the location cannot be loaded.
    """
    from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError, ReloadRepositoryLocationStatus
    from requests.exceptions import RequestException

    if not dagster_url:
        raise ReloadError(f"{location} has to be loaded anew: load it in the UI, or set `dagster_url`.")
    address = urlsplit(dagster_url)
    try:
        client = DagsterGraphQLClient(
            address.hostname or dagster_url,
            port_number=address.port,
            use_https=address.scheme == "https",
            timeout=seconds,
            path_prefix=address.path.rstrip("/"),
        )
        answer = client.reload_repository_location(location)
    except (DagsterGraphQLClientError, RequestException) as error:
        raise ReloadError(
            f"Dagster at {dagster_url} cannot be asked to load {location} anew ({type(error).__name__}): start its web "
            "server, or correct the address in the settings (`dagster_url`)."
        ) from error
    if answer.status is not ReloadRepositoryLocationStatus.SUCCESS:
        raise ReloadError(f"Dagster could not load {location} anew: {answer.message or answer.failure_type}")
