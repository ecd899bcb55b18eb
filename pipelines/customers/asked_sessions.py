"""The sessions that requests name: known by their ids, or found among the customer's files, and taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipelines.customers.files import CustomerFiles
from pipelines.customers.requests import is_session_id
from pipelines.customers.session_files import SessionFiles
from pipelines.customers.session_maps import CustomerMapError, session_maps
from pipelines.customers.sessions import TakenSession, known_sessions, take_sessions
from pipelines.landing.uploads import LandedFile
from pipelines.settings import Settings
from pipelines.training.scratch import scratch_folder

if TYPE_CHECKING:
    from pipelines.customers.fulfilment import Asked
    from pipelines.engines.engine import Engine


def sessions_asked_for(
    engine: Engine,
    settings: Settings,
    customer: str,
    files: CustomerFiles,
    asked: Sequence[Asked],
    progress: Callable[[str], None],
) -> dict[str, TakenSession]:
    """The sessions whose turn it is, all of them in the tables; requests that name unknown ones get their problem.

    Of a request that is carried out in parts every name must be known before its first part is begun.
    """
    found: dict[str, LandedFile] = {}
    request_of: dict[str, str] = {}
    ids = {name for one in asked for name in one.request.sessions if is_session_id(name)}
    taken = known_sessions(engine, customer, ids) if ids else {}
    unread = {name for one in asked for name in one.request.sessions if name not in taken}
    present = dict(SessionFiles(files).named(unread))
    for one in asked:
        here = {name: present[name] for name in one.request.sessions if name not in taken}
        unknown = [name for name, file in here.items() if file is None]
        if unknown:
            one.problem = (
                f"Not known: {', '.join(map(ascii, unknown[:5]))}{' and others' if len(unknown) > 5 else ''}. Put the "
                "files into your sessions folder and ask again; an id is known once its file was analysed."
            )
            continue
        for name in one.in_turn:
            if (file := here.get(name)) is not None:
                found[name] = file
                request_of.setdefault(name, one.request.request_id)
    if found:
        scratch = scratch_folder(settings)
        try:
            # Besides the customer's own, maps come with the release: production does not see development's folder.
            with session_maps(files, scratch) as maps:
                read = take_sessions(engine, customer, files, found, request_of, maps, scratch, progress)
            now = {one.session_id: one for one in read.values()}
            taken = {name: now.get(one.session_id, one) for name, one in taken.items()} | read
        except CustomerMapError as error:
            for one in asked:
                if any(name in found for name in one.in_turn):
                    one.problem = f"{error} No session is read while a column map of yours is at fault."
    for one in asked:
        if one.problem is None:
            one.sessions = {name: taken[name] for name in one.in_turn}
    return taken
