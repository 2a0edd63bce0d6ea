"""Small worlds for series: cases, decisions and acts at given moments, written as they stand once people are done."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from yoake.casework.cases.models import Case, Claim, Decision, Post, PostVersion
from yoake.casework.count import ledger
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.request.models import Request
from yoake.casework.sources.models import Source

SYSTEM = Actor("command", 0, 0, "")
LATER = datetime(2026, 1, 1, tzinfo=TOKYO)  # long after everything that happens here
_number = itertools.count(1)


def at(text: str) -> datetime:
    """A moment of Tokyo: 2024-05-01 00:00, or with seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


def opened(
    organisation: Organisation, when: str, *, posted: datetime | None = None, network: str = "test", **more: Any
) -> Case:
    """A case that was opened then, as it waits."""
    n, moment = next(_number), at(when)
    post = Post.objects.create(
        uid=f"{n:064d}", network=network, native_id=str(n), posted_at=posted, first_seen_at=moment
    )
    post.current = PostVersion.objects.create(post=post, content_hash=f"{n:064d}", seen_at=moment, text="高額バイト")
    post.save()
    given = {"category": "criminal_recruitment", "opened_at": moment, **more}
    return Case.everything.create(post=post, organisation=organisation, **given)


def decided(
    case: Case, by: User, when: str, verdict: str = "in_scope", category: str = "criminal_recruitment", **more: Any
) -> Decision:
    """The same, decided then; what was decided before stands no more."""
    inside = verdict == "in_scope"
    Case.everything.filter(pk=case.pk).update(state=more.pop("state", Case.State.DECIDED))
    return Decision.objects.create(
        case=case,
        version_id=case.post.current_id or 0,
        verdict=verdict,
        category=category if inside else "",
        hotline_class=more.pop("hotline_class", "illegal") if inside else "",
        by=by,
        at=at(when),
        **more,
    )


def undone(decision: Decision, when: str) -> None:
    """Somebody takes it back: the case waits again."""
    Decision.objects.create(
        case=decision.case, version=decision.version, verdict="", by=decision.by, at=at(when), undoes=decision
    )
    Case.everything.filter(pk=decision.case_id).update(state=Case.State.WAITING)


def went(case: Case, by: User, kind: str, when: str, **more: Any) -> OutboxItem:
    """Something about a case that went then."""
    return OutboxItem.objects.create(
        organisation=case.organisation,
        case=case,
        post=case.post,
        kind=kind,
        channel="hand",
        way="hand",
        key=f"k{next(_number)}",
        bound="",
        drafted_by=by,
        drafted_at=at(when),
        state="sent",
        sent_at=at(when),
        **more,
    )


def requested(case: Case, item: OutboxItem, **more: Any) -> Request:
    """A request about a case, which an item carries."""
    return Request.objects.create(
        item=item,
        organisation=case.organisation,
        case=case,
        kind="removal",
        body="example",
        started_at=item.sent_at,
        **more,
    )


def held(case: Case, by: User, until: str, seconds: int, how: str = "decided") -> Claim:
    """Somebody had a case for so long, until then."""
    return Claim.objects.create(
        case=case, user=by, taken_at=at(until) - timedelta(seconds=seconds), ended_at=at(until), how=how
    )


def source(organisation: Organisation, name: str, *, practice: bool = False) -> Source:
    """A source of posts."""
    return Source.objects.create(organisation=organisation, name=name, connector="jsonl", practice=practice)


def told(name: str, period: str, organisation: Organisation | None = None, now: datetime = LATER) -> dict[str, Table]:
    """A figure's tables by key, of one organisation or of all."""
    scope = Scope(organisation.pk if organisation else 0, Period.read(period), now)
    (counted,) = ledger.count(SYSTEM, scope, [name])
    return {table.key: table for table in counted.tables}


def queries(name: str, period: str, organisation: Organisation | None = None) -> int:
    """How many queries a figure asks."""
    scope = Scope(organisation.pk if organisation else 0, Period.read(period), LATER)
    return len(ledger.count(SYSTEM, scope, [name])[0].queries)


def values(table: Table) -> dict[str, list[Any]]:
    """The values of a table by row."""
    return {row.key: [cell.value for cell in row.cells] for row in table.rows}


def not_zero(table: Table) -> dict[str, list[Any]]:
    """The same, without rows in which nothing is told."""
    return {key: cells for key, cells in values(table).items() if any(cells)}


def adds_up(table: Table) -> bool:
    """Whether every row and column that is said to be a sum of others is one, in what it counts."""
    rows, places = {row.key: row for row in table.rows}, {one.key: n for n, one in enumerate(table.columns)}

    def count(row: str, column: str) -> int | None:
        cell = rows[row].cells[places[column]]
        return cell.value if cell.is_count else None  # type: ignore[return-value]

    for whole, parts in table.row_sums.items():
        for column in places:
            if count(whole, column) is not None and count(whole, column) != sum(
                count(one, column) or 0 for one in parts
            ):
                return False
    for whole, parts in table.column_sums.items():
        for row in rows:
            told = [count(row, one) for one in (whole, *parts)]  # a row of dashes says nothing that could add up
            if any(n is not None for n in told) and told[0] != sum(n or 0 for n in told[1:]):
                return False
    return all(len(row.cells) == len(table.columns) for row in table.rows)
