"""All that a step needs of a local workspace, made sure of at once: server, grants, and a warm cluster to run on."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pipelines.local import light_client
from pipelines.local.lifecycle import Connection, connection, down, running_connection, status
from pipelines.local.settings import LocalSettings, admin_name, to_json

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

CLUSTER_NAME = "pipelines"
"""Name of the existing cluster that is kept warm."""

_SPARK_VERSION = "16.4.x-scala2.12"
_UP = ("PENDING", "RUNNING", "RESTARTING", "RESIZING")
_FILE = "stack.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StackConnection:
    """What a client needs to submit to the warm cluster of a workspace."""

    host: str
    token: str
    principal: str
    """Display name of the service principal whose token this is."""
    cluster_id: str


def ensure_stack(
    settings: LocalSettings,
    workspace: str,
    prepare: Callable[[WorkspaceClient], None] | None = None,
    digest: str = "",
) -> StackConnection:
    """Make sure that the workspace serves, is prepared, and has a cluster that is up or on its way.

    Does not wait for the cluster: a run submitted to one that is still starting waits by itself. Safe to call from many
    processes at once, and cheap when all is there: one request. A server that was started with other settings, or by an
    older version of this code, is started anew if no run is active on it.

    Args:
        settings: the workspaces' settings.
        workspace: which one.
        prepare: what an administrator has to do in a new workspace (schemas, volumes, grants, secrets), idempotent.
        digest: says which preparation that is; it is done once in the workspace for each digest.

    Raises:
        LocalWorkspaceError: the server does not come up.
    """
    reached, cluster_id = _ensured(settings, workspace, prepare, digest, warm=True)
    assert cluster_id is not None
    return StackConnection(reached.host, reached.token, reached.principal, cluster_id)


def ensure_prepared(
    settings: LocalSettings, workspace: str, prepare: Callable[[WorkspaceClient], None], digest: str
) -> Connection:
    """The same for who runs nothing there: no cluster is made or started."""
    reached, _ = _ensured(settings, workspace, prepare, digest, warm=False)
    return reached


def _ensured(
    settings: LocalSettings,
    workspace: str,
    prepare: Callable[[WorkspaceClient], None] | None,
    digest: str,
    warm: bool,
) -> tuple[Connection, str | None]:
    wanted = digest if prepare is not None else None
    found = _found(settings, workspace, wanted, warm)
    if found is not None:
        return found
    folder = settings.workspace_folder(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "stack.lock"):
        found = _found(settings, workspace, wanted, warm)
        if found is not None:
            return found
        known = _read(folder / _FILE)
        kept = _keeps_running(settings, workspace, known.get("fingerprint"))
        reached = connection(settings, workspace)
        if not kept or "fingerprint" not in known:
            known["fingerprint"] = fingerprint(settings)
        if warm:
            # First, so that it warms up while the preparation goes on.
            known["cluster_id"] = _cluster(reached, known.get("cluster_id"))
        _write(folder / _FILE, known)
        if prepare is not None and known.get("prepared") != digest:
            prepare(_administrators_client(settings, workspace))
            _write(folder / _FILE, {**known, "prepared": digest})
    return reached, known.get("cluster_id")


def fingerprint(settings: LocalSettings) -> str:
    """Says which settings and which version of the servers' code are current."""
    # A folder that comes or goes in the working tree is no reason to start anew.
    text = hashlib.sha256(to_json(settings.with_changes(hidden=())).encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        found = source.stat()
        text.update(f"{source.name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return text.hexdigest()[:16]


def _found(
    settings: LocalSettings, workspace: str, digest: str | None, warm: bool
) -> tuple[Connection, str | None] | None:
    """The connection if everything is there already; with `warm`, starts a cluster that is not running."""
    known = _read(settings.workspace_folder(workspace) / _FILE)
    reached = running_connection(settings, workspace)
    if reached is None or known.get("fingerprint") != fingerprint(settings):
        return None
    if digest is not None and known.get("prepared") != digest:
        return None
    if warm:
        if "cluster_id" not in known:
            return None
        try:
            _start(reached, known["cluster_id"])
        except (OSError, light_client.RefusedError):
            return None
    return reached, known.get("cluster_id")


def _cluster(reached: Connection, known: str | None) -> str:
    """The id of the cluster that is kept warm; it is made if there is none."""
    if known is not None:
        try:
            _start(reached, known)
        except light_client.RefusedError:
            _log.warning("the cluster %s of %s is gone: making another one", known, reached.host)
        else:
            return known
    body = {"cluster_name": CLUSTER_NAME, "spark_version": _SPARK_VERSION, "num_workers": 0}
    return _call(reached, "POST", "/api/2.1/clusters/create", body)["cluster_id"]


def _start(reached: Connection, cluster_id: str) -> None:
    state = _call(reached, "GET", f"/api/2.1/clusters/get?cluster_id={cluster_id}")["state"]
    if state in _UP:
        return
    try:
        _call(reached, "POST", "/api/2.1/clusters/start", {"cluster_id": cluster_id})
    except light_client.RefusedError as error:
        # Somebody else was quicker, or it is still going down and will be started by the first submission.
        if error.code != "INVALID_STATE":
            raise


def _keeps_running(settings: LocalSettings, workspace: str, known: str | None) -> bool:
    """Whether a server runs that is to be used as it is; one that is idle and outdated is stopped."""
    found = status(settings, workspace)
    if not found.running:
        return False
    if known in (None, fingerprint(settings)) or found.active_runs:
        return True
    _log.info("the local workspace %s is started anew: its settings or its code have changed", workspace)
    down(settings, workspace)
    return False


def _administrators_client(settings: LocalSettings, workspace: str) -> WorkspaceClient:
    # The SDK takes more than a second to import.
    from databricks.sdk import WorkspaceClient

    found = connection(settings, workspace, admin_name(workspace))
    return WorkspaceClient(host=found.host, token=found.token)


def _call(reached: Connection, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return light_client.call(reached.host, reached.token, method, path, body)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write(path: Path, document: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.replace(path)
