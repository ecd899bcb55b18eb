"""Carrying out what was asked for one customer: sessions taken, versions chosen, models applied, answers written.

What is wrong with one request is that request's answer. What keeps all of them from being carried out, such as a
registry that is down, is raised: then it is tried again, and nothing has been answered for good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.customers.analysis import Analysed, Key, analyse
from pipelines.customers.answers import answer
from pipelines.customers.asked_sessions import sessions_asked_for
from pipelines.customers.files import CustomerFiles, customer_files
from pipelines.customers.places import SESSIONS
from pipelines.customers.requests import (
    MOST_SESSIONS_OF_A_RUN,
    InvalidRequestError,
    Request,
    UnknownKeyError,
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
from pipelines.customers.serving import Serving
from pipelines.customers.sessions import CHANGED, READY, TakenSession, ready_sessions
from pipelines.customers.status import Status, content_of, new_status, status_of_content, tell
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


@dataclass
class Asked:
    """One request on its way. `name` is that of its file; empty for one that came with the run itself."""

    name: str
    digest: str
    request: Request
    before: Status | None = None
    """What its status file said when it was begun."""
    most: int | None = None
    """So many of its sessions, the first ones, have their turn in this run; None: all."""
    sessions: dict[str, TakenSession] = field(default_factory=dict)
    """Those that have their turn, by the names that the request gives."""
    assignments: list[Assignment] = field(default_factory=list)
    problem: str | None = None
    """Why nothing is done about it."""

    @property
    def in_turn(self) -> tuple[str, ...]:
        """The sessions of this run: of a later part also the earlier ones', which are known by then."""
        return self.request.sessions[: self.most]

    @property
    def is_in_part(self) -> bool:
        """Whether the rest of it is another run's."""
        return self.problem is None and len(self.in_turn) < len(self.request.sessions)


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

    @property
    def has_news(self) -> bool:
        """Whether a session was read or judged."""
        return any(one.is_new for one in [*self.taken.values(), *self.analysed.values()])

    def followed_by(self, later: Fulfilled) -> Fulfilled:
        """What both did, where the later one went on with requests of this one."""
        answers = {status.request: status for status in [*self.answers, *later.answers]}
        return Fulfilled(
            self.customer,
            [*self.asked, *later.asked],
            list(answers.values()),
            self.taken | later.taken,
            self.analysed | later.analysed,
            self.undrawn | later.undrawn,
        )


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

    A request of many sessions is carried out in parts: a run takes so many of it as others may have to wait for, and
    leaves it accepted for the next. What the run itself asks for it does whole.

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
    with Serving(engine, settings, customer) as serving:
        found = last = _carried_out(engine, settings, serving, customer, files, asked, batch, commit, progress)
        # What is known already costs a moment, so of that as many parts are gone through as there are.
        while not last.has_news and (parts := [one.name for one in last.asked if one.is_in_part]):
            asked = [one for name in parts if (one := _begun(files, name, batch)) is not None]
            last = _carried_out(engine, settings, serving, customer, files, asked, batch, commit, progress)
            found = found.followed_by(last)
    return found


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
    with Serving(engine, settings, customer) as serving:
        asked = [Asked("", "", request)]
        return _carried_out(engine, settings, serving, customer, files, asked, "", "", progress)


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
    kept = ("commit", "tried", "attempts", "carried_out", "parts")
    more = {key: getattr(same, key) for key in kept} if same else {}
    tell(files, new_status(name, digest, "running", request_id=request.request_id, batch=batch, **more))
    most = (same.carried_out if same else 0) + MOST_SESSIONS_OF_A_RUN
    return Asked(name, digest, request, same, most)


def _carried_out(
    engine: Engine,
    settings: Settings,
    serving: Serving,
    customer: str,
    files: CustomerFiles,
    asked: list[Asked],
    batch: str,
    commit: str,
    progress: Callable[[str], None],
) -> Fulfilled:
    taken = sessions_asked_for(engine, settings, customer, files, asked, progress)
    for one in asked:
        _assign(one, customer, serving)
    digests = {each.session_id: each.source_digest for each in taken.values() if each.status == READY}
    every = [assignment for one in asked for assignment in one.assignments]
    analysed = analyse(engine, settings, serving, customer, every, digests, progress)
    undrawn = write_pages(engine, files, customer, _to_be_drawn(files, asked, analysed), progress)
    answers = [tell(files, answer(customer, one, analysed, undrawn, batch, commit)) for one in asked if one.name]
    return Fulfilled(customer, asked, answers, taken, analysed, undrawn)


def _assign(one: Asked, customer: str, serving: Serving) -> None:
    """Choose the versions for the request's sessions; what keeps one from being chosen is the request's problem."""
    ready = sorted({each.session_id for each in one.sessions.values() if each.status == READY})
    if one.problem is not None or not ready:
        return
    request, record = one.request, serving.record
    try:
        one.assignments = (
            asked_for(request.models, ready, request.request_id, record, serving.registry)
            if request.models
            else routed(customer, ready, request.request_id, record, serving.manifests)
        )
    except (NothingReleasedError, UnusableVersionError) as error:
        one.problem = str(error)


def _to_be_drawn(files: CustomerFiles, asked: Sequence[Asked], analysed: Mapping[Key, Analysed]) -> list[str]:
    """Sessions without a page, and those that something new is known of."""
    news = {each.session_id for each in analysed.values() if each.is_new}
    sessions = {each.session_id: each for one in asked for each in one.sessions.values() if each.status != CHANGED}
    return sorted(
        session_id
        for session_id, each in sessions.items()
        if session_id in news or each.is_new or files.look(page_path(session_id)) is None
    )
