"""Carrying out what was asked for one customer: sessions taken, versions chosen, models applied, answers written.

What is wrong with one request is that request's answer. What keeps all of them from being carried out, such as a
registry that is down, is raised: then it is tried again, and nothing has been answered for good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.customers.analysis import Analysed, Key, analyse
from pipelines.customers.answers import answer
from pipelines.customers.files import CustomerFiles, customer_files
from pipelines.customers.places import SESSIONS
from pipelines.customers.requests import (
    InvalidRequestError,
    Request,
    UnknownKeyError,
    is_session_id,
    read_request,
)
from pipelines.customers.review_pages import page_path, write_pages
from pipelines.customers.routes import (
    Assignment,
    NothingReleasedError,
    UnusableVersionError,
    asked_for,
    routed,
)
from pipelines.customers.serving import made_ready
from pipelines.customers.session_maps import CustomerMapError, session_maps
from pipelines.customers.sessions import CHANGED, READY, TakenSession, known_sessions, ready_sessions, take_sessions
from pipelines.customers.status import Status, content_of, new_status, status_of_content, tell
from pipelines.landing.uploads import LandedFile
from pipelines.models.manifest import load_manifests
from pipelines.settings import Settings
from pipelines.training.scratch import scratch_folder

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_WORTH_LISTING = 50
"""Names from which on one listing is cheaper than a look at each, which is a request of its own in a bucket."""


@dataclass
class Asked:
    """One request on its way. `name` is that of its file; empty for one that came with the run itself."""

    name: str
    digest: str
    request: Request
    before: Status | None = None
    """What its status file said when it was begun."""
    sessions: dict[str, TakenSession] = field(default_factory=dict)
    """By the names that the request gives."""
    assignments: list[Assignment] = field(default_factory=list)
    problem: str | None = None
    """Why nothing is done about it."""


@dataclass
class Fulfilled:
    """What one run did."""

    customer: str
    asked: list[Asked]
    answers: list[Status]
    """Statuses of the requests with a file, as they stand now."""
    taken: dict[str, TakenSession]
    """By name of file or id of session."""
    analysed: dict[Key, Analysed]
    undrawn: dict[str, str]
    """Of each session whose review page could not be drawn, why."""


def fulfil(
    engine: Engine,
    settings: Settings,
    customer: str,
    names: Sequence[str],
    direct: Request | None,
    batch: str = "",
    commit: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Fulfilled:
    """Carry out requests of one customer, and write the answers of those that came as files.

    Args:
        names: files of the customer's inbox.
        direct: what the run itself asks for.
        batch: names the run's requests, for their statuses.
        commit: the release whose code runs, if it is known.

    Raises:
        NoCustomersError: the location has no customers.
        LandingUnavailableError, OSError: the customer's files cannot be reached.
    """
    files = customer_files(settings, customer)
    asked = [one for name in names if (one := _begun(files, name, batch)) is not None]
    if direct is not None:
        asked.append(Asked("", "", direct))
    return _carried_out(engine, settings, customer, files, asked, batch, commit, progress)


def fulfil_all(
    engine: Engine, settings: Settings, customer: str, request_id: str, progress: Callable[[str], None]
) -> Fulfilled:
    """Carry out what nobody asked for by name: every session of the customer that the serving versions do not know.

    Raises:
        As `fulfil`.
    """
    files = customer_files(settings, customer)
    names = [file.file_path.removeprefix(f"{SESSIONS}/") for file in files.listed(SESSIONS)]
    names += ready_sessions(engine, customer)  # whose files may have been removed since
    # Not validated: a listing names what is there, however odd, and leaves out links.
    request = Request.model_construct(sessions=tuple(names), models={}, request_id=request_id)
    return _carried_out(engine, settings, customer, files, [Asked("", "", request)], "", "", progress)


def nothing_asked(customer: str) -> Fulfilled:
    """What a run did that had no session to take."""
    return Fulfilled(customer, [], [], {}, {}, {})


def _begun(files: CustomerFiles, name: str, batch: str) -> Asked | None:
    """The request of that file, which is now known to be running; None if there is nothing to do about it."""
    content = content_of(files, name)
    if content is None:
        return None
    digest, same = status_of_content(files, name, content)
    if same is not None and same.is_final:
        return None
    try:
        request = read_request(name, content)
    except InvalidRequestError as error:
        why = str(error)
        if same is not None and isinstance(error, UnknownKeyError):  # whoever accepted it knows the key
            why = f"The release that serves customers is older than what accepted this request. {error} Or ask again "
            why += "after the next release."
        tell(files, new_status(name, digest, "failed", batch=batch, why=why))
        return None
    more = {"commit": same.commit, "tried": same.tried, "attempts": same.attempts} if same else {}
    tell(files, new_status(name, digest, "running", request_id=request.request_id, batch=batch, **more))
    return Asked(name, digest, request, same)


def _carried_out(
    engine: Engine,
    settings: Settings,
    customer: str,
    files: CustomerFiles,
    asked: list[Asked],
    batch: str,
    commit: str,
    progress: Callable[[str], None],
) -> Fulfilled:
    manifests = load_manifests()
    with ThreadPoolExecutor(1) as beside:
        serving = beside.submit(made_ready, engine, settings, customer, manifests)
        taken = _taken(engine, settings, customer, files, asked, progress)
        registry, record = serving.result()
    for one in asked:
        ready = sorted({each.session_id for each in one.sessions.values() if each.status == READY})
        if one.problem is not None or not ready:
            continue
        request = one.request
        try:
            one.assignments = (
                asked_for(request.models, ready, request.request_id, record, registry)
                if request.models
                else routed(customer, ready, request.request_id, record, manifests)
            )
        except (NothingReleasedError, UnusableVersionError) as error:
            one.problem = str(error)
    digests = {each.session_id: each.source_digest for each in taken.values() if each.status == READY}
    every = [assignment for one in asked for assignment in one.assignments]
    analysed = analyse(engine, settings, registry, customer, every, digests, manifests, progress)
    undrawn = write_pages(engine, files, customer, _to_be_drawn(files, asked, analysed), progress)
    answers = [tell(files, answer(customer, one, analysed, undrawn, batch, commit)) for one in asked if one.name]
    return Fulfilled(customer, asked, answers, taken, analysed, undrawn)


def _to_be_drawn(files: CustomerFiles, asked: Sequence[Asked], analysed: Mapping[Key, Analysed]) -> list[str]:
    """Sessions without a page, and those that something new is known of."""
    news = {each.session_id for each in analysed.values() if each.is_new}
    sessions = {each.session_id: each for one in asked for each in one.sessions.values() if each.status != CHANGED}
    return sorted(
        session_id
        for session_id, each in sessions.items()
        if session_id in news or each.is_new or files.look(page_path(session_id)) is None
    )


def _taken(
    engine: Engine,
    settings: Settings,
    customer: str,
    files: CustomerFiles,
    asked: Sequence[Asked],
    progress: Callable[[str], None],
) -> dict[str, TakenSession]:
    """The sessions that are asked for, all of them in the tables; requests that name others get their problem."""
    found: dict[str, LandedFile] = {}
    request_of: dict[str, str] = {}
    ids = {name for one in asked for name in one.request.sessions if is_session_id(name)}
    taken = known_sessions(engine, customer, ids) if ids else {}
    present = _present(files, {name for one in asked for name in one.request.sessions if name not in taken})
    for one in asked:
        here = {name: present.get(name) for name in one.request.sessions if name not in taken}
        unknown = [name for name, file in here.items() if file is None]
        if unknown:
            one.problem = (
                f"Not known: {', '.join(map(ascii, unknown[:5]))}{' and others' if len(unknown) > 5 else ''}. Put the "
                "files into your sessions folder and ask again; an id is known once its file was analysed."
            )
            continue
        for name, file in here.items():
            if file is not None:
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
                if any(name in found for name in one.request.sessions):
                    one.problem = f"{error} No session is read while a column map of yours is at fault."
    for one in asked:
        if one.problem is None:
            one.sessions = {name: taken[name] for name in one.request.sessions}
    return taken


def _present(files: CustomerFiles, names: set[str]) -> dict[str, LandedFile]:
    """Those of the names that are files of the sessions folder."""
    if len(names) > _WORTH_LISTING:
        listed = {file.file_path.removeprefix(f"{SESSIONS}/"): file for file in files.listed(SESSIONS)}
        return {name: listed[name] for name in names if name in listed}
    looked = {name: files.look(f"{SESSIONS}/{name}") for name in names}
    return {name: file for name, file in looked.items() if file is not None}
