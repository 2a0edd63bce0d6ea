"""Asks whether posts are still there: due checks, grouped by the source whose connector is asked.

The duty `check` does what is due; an act that waits for its answer asks for one case at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, OperationalError
from django.db.models import Q

from yoake import shelf
from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.checks import check_before, finish_check, hand_over, is_wanted
from yoake.casework.cases.holds import held_elsewhere
from yoake.casework.cases.looks import correct_use, tomorrow, use
from yoake.casework.cases.models import Case, Check, Post
from yoake.casework.cases.schedule import BEFORE_ACT, checkable
from yoake.casework.due import CLAIM, claim_due, put_off
from yoake.casework.people.queries import system
from yoake.casework.sources.models import Source
from yoake.collect import connectors
from yoake.collect.connector import Connector, Known, Liveness, NoticesEdits
from yoake.collect.items import ReadsOnePost
from yoake.collect.net import Busy, Net
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline import mishaps
from yoake.pipeline.line import options_of
from yoake.pipeline.outside import outside
from yoake.tables.posts import posts_batch

log = logging.getLogger("yoake.worker")
_ROUND: Final = 50  # checks of one source, before the next source has its turn
_AT_ONCE: Final = 10  # posts a connector is asked about in one call
_ROUND_S: Final = 60.0  # of one source; what is left then waits for the next round
_HELD: Final = timedelta(minutes=10)  # until it is looked anew whether another body still holds a post
_TRIES: Final = 5  # after which "nobody answers" is the outcome: about an hour and a half
_UNCHECKED_TRIES: Final = 2  # a host that was only busy is asked once more, before a person is

Edit = tuple[dict[str, Any], list[dict[str, Any]]]


def check_due(now: datetime) -> int:
    """Does the checks that are due at `now`; returns how many rows were worked on."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Check.objects.filter(free, due_at__lte=now, hand="")
    sources = list(due.order_by("source_id").values_list("source_id", flat=True).distinct())
    return sum(_check_of(source_id, now) for source_id in sources)


def check_one(case_id: int, now: datetime) -> int:
    """Does at once what is due of one case, for an act that waits for it."""
    due = Check.objects.filter(case_id=case_id, due_at__lte=now, hand="")
    sources = list(due.order_by("source_id").values_list("source_id", flat=True).distinct())
    return sum(_check_of(source_id, now, case_id=case_id) for source_id in sources)


def look_before(case: Case, organisation_id: int, now: datetime) -> None:
    """Asks whether a post is there, ahead of an act that waits for it; what cannot be asked at once waits as a row."""
    if checkable(case):
        with suppress(Refused):  # another body holds it since: the reasons of the act say so
            check_before(system("worker", organisation_id), case.pk, now)
            check_one(case.pk, now)


def _check_of(source_id: int | None, now: datetime, **only: int) -> int:
    claimed = claim_due(Check, now, limit=_ROUND, hand="", source_id=source_id, **only)
    rows = list(
        Check.objects.filter(pk__in=[row.pk for row in claimed])
        .select_related("case", "case__post", "case__post__current", "case__post__account")
        .prefetch_related("case__decisions")
    )
    wanted = [row for row in rows if is_wanted(row)]
    Check.objects.filter(pk__in={row.pk for row in rows} - {row.pk for row in wanted}, outcome="").delete()
    held = _held(wanted, now)
    _give_back(held, now, now + _HELD, "")
    wanted = [row for row in wanted if row not in held]
    source = Source.objects.filter(pk=source_id).first() if source_id else None
    if source is None:
        _hand_all(wanted, "no_source")
    elif not source.enabled or source.state == Source.State.PAUSED or source.practice:
        _hand_all(wanted, "source_off")
    else:
        _ask(source, _within_budget(wanted, now), now)
    return len(claimed)


def _held(rows: list[Check], now: datetime) -> list[Check]:
    """Those whose posts another body holds: to ask a network is an act towards the outside, so they wait."""
    held: set[int] = set()
    for organisation_id in {row.case.organisation_id for row in rows}:
        mine = Case.everything.filter(
            pk__in=[row.case_id for row in rows if row.case.organisation_id == organisation_id]
        )
        held.update(held_elsewhere(mine, organisation_id, now, outward=True).values_list("pk", flat=True))
    return [row for row in rows if row.case_id in held]


def _ask(source: Source, rows: list[Check], now: datetime) -> None:
    try:
        connector: Connector = shelf.take(connectors, source.connector)()
        options = options_of(connector, source)
    except BadInput as problem:  # its file is gone, or its options cannot work
        _hand_all(rows, "refused", str(problem))
        return
    net, began = outside(), time.monotonic()
    for group in _groups(rows):
        if time.monotonic() - began > min(_ROUND_S, CLAIM.total_seconds() / 2):
            _not_asked(group, now, now, "")
            continue
        try:
            answers = _answers(connector, group, options, net)
        except Busy as problem:  # the host, or our own limit for it, asks to wait: nobody was asked
            _not_asked(group, now, now + timedelta(seconds=max(problem.after_s, 1.0)), str(problem))
            continue
        except TryLater as problem:
            answers = {row.pk: _unreachable(row, str(problem), net) for row in group}
        except (Refused, BadInput) as problem:  # a person must act at the source before a program may ask
            _hand_all(group, "refused", str(problem))
            continue
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except Exception as problem:
            mishaps.log.error("asking %s about %d posts failed: %s", source.name, len(group), mishaps.told(problem))
            for row in group:
                _failed(row, now, type(problem).__name__)
            continue
        for row in group:
            _take(row, answers[row.pk], connector, options, net, now)


def _answers(connector: Connector, rows: list[Check], options: Any, net: Net) -> dict[int, Liveness]:
    """What the connector says of each row's post; each post is asked about once."""
    refs = list(dict.fromkeys(row.case.post.native_id for row in rows))
    with net.keeping() as kept:
        if isinstance(connector, NoticesEdits):
            told = connector.check_known([_known(row) for row in _one_a_post(rows)], options, kept)
        else:
            told = connector.check(refs, options, kept)
    by_ref = dict(zip(refs, told, strict=True))
    return {row.pk: by_ref[row.case.post.native_id] for row in rows}


def _known(row: Check) -> Known:
    post = row.case.post
    before = Check.objects.filter(case__post=post).exclude(stamp="").order_by("-checked_at").first()
    shown = post.current.content_hash if post.current is not None else ""
    # A validator speaks of what stood there then: it counts only while that is what people see here.
    stamp = before.stamp if before is not None and before.content_hash == shown else ""
    labels = tuple(post.current.labels) if post.current is not None else ()
    return Known(post.native_id, shown, stamp, post.account.native_id if post.account is not None else "", labels)


def _one_a_post(rows: list[Check]) -> Iterator[Check]:
    seen: set[str] = set()
    for row in rows:
        if row.case.post.native_id not in seen:
            seen.add(row.case.post.native_id)
            yield row


def _take(row: Check, told: Liveness, connector: Connector, options: Any, net: Net, now: datetime) -> None:
    """One answer, to its row."""
    try:
        if told.state == "unchecked" and told.after_s > 0:
            _not_asked([row], now, now + timedelta(seconds=told.after_s), told.note)
            return
        if told.state == "unchecked" and row.attempts >= _UNCHECKED_TRIES:
            hand_over(row, "unchecked", told.note)
            return
        if told.state == "unchecked" or (told.state == "unreachable" and row.attempts < _TRIES):
            put_off(row, now, told.note[:300])
            return
        state, edit = told.state, None
        if state == "edited":
            state, edit = _edited(row, told, connector, options, net)
        finish_check(
            row,
            state,
            told.checked_at,
            note=told.note,
            content_hash=told.content_hash,
            stamp=told.stamp,
            new=edit,
        )
    except OperationalError:
        raise
    except (DatabaseError, BadInput) as problem:
        log.warning("what came of check %s cannot be stored (%s)", row.pk, type(problem).__name__)
        _failed(row, now, type(problem).__name__)


def _edited(row: Check, told: Liveness, connector: Connector, options: Any, net: Net) -> tuple[str, Edit | None]:
    """Whether the post really says something that people here have not seen, and what that is where it can be read.

    Networks call a post edited that ever was: what it says now, or the same sign of the edit at the last check, decides.
    """
    post = Post.objects.select_related("current").get(pk=row.case.post_id)
    shown = post.current.content_hash if post.current is not None else ""
    read = _read_anew(post, connector, options, net)
    if read is not None:
        if read["content_hash"] == shown:
            return "up", None
        found = serving_detector().judge(posts_batch([read])).to_pylist()
        return "edited", (read, found)
    if told.content_hash:
        return ("up" if told.content_hash == shown else "edited"), None
    seen = Check.objects.filter(case=row.case, outcome="edited", how="automatic", note=told.note[:300])
    return ("up" if told.note and seen.exists() else "edited"), None


def _read_anew(post: Post, connector: Connector, options: Any, net: Net) -> dict[str, Any] | None:
    """What the post says now; None where the connector cannot read one post, or nobody answers any more."""
    try:
        if isinstance(connector, ReadsOnePost):
            rows = connector.read(post.native_id, options, net).to_pylist()
        else:
            rows = connector.context(post.native_id, options, net).recent.to_pylist()
    except (TryLater, Refused, BadInput) as problem:
        log.info("what post %s says now was not read (%s)", post.pk, type(problem).__name__)
        return None
    return next((row for row in rows if row["uid"] == post.uid), None)


def _within_budget(rows: list[Check], now: datetime) -> list[Check]:
    """The rows for which today's checks of their host are not used up; the others wait for tomorrow.

    A look in the last second before an act counts for nobody's routine, and never waits for it.
    """
    within = [row for row in rows if _for_an_act(row)]
    for host, of_host in _by_host([row for row in rows if not _for_an_act(row)]).items():
        granted = use(budget_of(host), len(of_host), settings.ENVIRONMENT.checks_per_host, now)
        within += of_host[:granted]
        if granted < len(of_host):
            _give_back(of_host[granted:], now, tomorrow(now), "today's checks of this host are used up")
    return within


def _for_an_act(row: Check) -> bool:
    return row.step.startswith(BEFORE_ACT)


def host_of(post: Post) -> str:
    """Whose budget a question about a post uses: the host of its address, else its network."""
    try:
        return (urlsplit(post.url).netloc or post.network).lower()
    except ValueError:
        return post.network.lower()


def budget_of(host: str) -> str:
    """What DailyUse calls the checks of a host."""
    return f"checks:{sha256(host.encode()).hexdigest()[:30]}"


def _by_host(rows: Sequence[Check]) -> dict[str, list[Check]]:
    hosts: dict[str, list[Check]] = {}
    for row in rows:
        hosts.setdefault(host_of(row.case.post), []).append(row)
    return hosts


def _groups(rows: list[Check]) -> Iterator[list[Check]]:
    """Rows in groups of at most so many posts; rows of one post stay together."""
    by_post: dict[int, list[Check]] = {}
    for row in rows:
        by_post.setdefault(row.case.post_id, []).append(row)
    posts = list(by_post.values())
    for start in range(0, len(posts), _AT_ONCE):
        yield [row for of_post in posts[start : start + _AT_ONCE] for row in of_post]


def _unreachable(row: Check, note: str, net: Net) -> Liveness:
    return Liveness(row.case.post.native_id, "unreachable", net.now(), note)


def _failed(row: Check, now: datetime, problem: str) -> None:
    """Something is wrong on our side: that says nothing about the post, so after some tries a person looks."""
    if row.attempts < _TRIES:
        put_off(row, now, problem)
    else:
        hand_over(row, "failed", problem)


def _hand_all(rows: list[Check], why: str, problem: str = "") -> None:
    for row in rows:
        hand_over(row, why, problem)


def _not_asked(rows: list[Check], now: datetime, until: datetime, problem: str) -> None:
    """A host was not asked after all: neither its budget nor the number of attempts says that it was."""
    for host, of_host in _by_host([row for row in rows if not _for_an_act(row)]).items():
        correct_use(budget_of(host), -len(of_host), now)
    _give_back(rows, now, until, problem)


def _give_back(rows: list[Check], now: datetime, until: datetime, problem: str) -> None:
    """The claims are given back without having been attempts."""
    for row in rows:
        Check.objects.filter(pk=row.pk, outcome="").update(
            due_at=max(until, now), claimed_until=None, attempts=max(0, row.attempts - 1), problem=problem[:300]
        )
