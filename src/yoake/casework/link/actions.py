"""Finding what is alike, folding it into one row, and deciding it together; people confirm and reject.

Nothing is decided here: each case of a batch is decided by `cases.actions.decide`, one transaction each.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases import actions as cases
from yoake.casework.cases.acting import person
from yoake.casework.cases.elements import Tied
from yoake.casework.cases.folds import come_out, lead
from yoake.casework.cases.holds import held_elsewhere
from yoake.casework.cases.models import Case, Comparison, Decision, Post, PostVersion
from yoake.casework.cases.queries import standing_decision
from yoake.casework.link import alike, queries
from yoake.casework.link.models import Band, Likeness, Signature
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused, YoakeError

_SHOWN = 10  # likenesses that are kept of one case
_SAME = (
    "category",
    "grade",
    "minor",
    "organisation_id",
    "practice",
)  # what cases that fold by themselves have in common

State = Likeness.State
Composed = Callable[[PostVersion, Sequence[Tied]], str]


def compare(row: Comparison, now: datetime) -> None:
    """Signs what a waiting case says, notes what it is like, and folds it where that is sure and allowed.

    Done a second time it changes nothing. The signature is written before anything is looked up: of two copies that
    are compared at once, one finds the other.
    """
    row = Comparison.objects.select_related("case", "case__post", "version").get(pk=row.pk)
    text = row.version.text
    (signed,) = alike.sign([text])
    if signed.length == 0:  # a picture, an address, a number
        _done(row)
        return
    organisation = row.case.organisation_id
    with transaction.atomic():
        if not _still(row):
            return
        values = {"minima": alike.packed(signed.minima), "length": signed.length}
        signature, made = Signature.objects.get_or_create(comparison=row, defaults=values)
        if made:
            Band.objects.bulk_create(
                Band(signature=signature, value=value) for value in alike.bands(signed, organisation)
            )
    found = queries.measured(signed, text, queries.with_words(queries.likely(signed, organisation, row.pk)))[:_SHOWN]
    leaders = _leaders(row, signed, text, found) if queries.fold_automatically_allowed(organisation) else []
    with transaction.atomic():
        concerned = [row.case.post_id, *(one.comparison.case.post_id for one in (*found, *leaders))]
        list(Post.objects.select_for_update(of=("self",)).filter(pk__in=concerned).order_by("pk"))
        if not _still(row):
            return
        there = set(
            Comparison.objects.filter(pk__in=[one.comparison.pk for one in (*found, *leaders)]).values_list(
                "pk", flat=True
            )
        )
        noted = {one.comparison.pk: one for one in (*found, *leaders) if one.comparison.pk in there}
        Likeness.objects.bulk_create(
            (
                Likeness(
                    one_id=max(row.pk, pk),
                    other_id=min(row.pk, pk),
                    likeness=one.likeness,
                    state=one.state,
                    found_at=now,
                )
                for pk, one in noted.items()
            ),
            ignore_conflicts=True,
        )
        for leader in leaders:
            if leader.comparison.pk in there and _fold_by_itself(row.case_id, leader, now):
                break
        _done(row)


def _leaders(row: Comparison, signed: alike.Signed, text: str, found: Sequence[queries.Alike]) -> list[queries.Alike]:
    """The cases under which this one may lie: each surely alike itself, so that likeness never wanders from case to case."""
    sure = [one for one in found if one.sure and one.comparison.case.state == Case.State.WAITING]
    direct = {one.comparison.case_id: one for one in sure if one.comparison.case.folded_into_id is None}
    others = {one.comparison.case.folded_into_id for one in sure} - {None, row.case_id} - direct.keys()
    led = Comparison.objects.filter(case__in=others).select_related("case", "case__post", "version")
    there = [one for one in led if one.case.post.current_id == one.version_id]
    further = [one for one in queries.measured(signed, text, there) if one.sure]
    return sorted([*direct.values(), *further], key=lambda one: (-one.likeness, one.comparison.pk))


def _fold_by_itself(case_id: int, leader: queries.Alike, now: datetime) -> bool:
    """Folds a case under another (both posts are locked) unless something about either says that a person should look."""
    locked = (
        Case.objects.select_for_update(of=("self",)).filter(pk__in=(case_id, leader.comparison.case_id)).order_by("pk")
    )
    both = {case.pk: case for case in locked}
    case, into = both.get(case_id), both.get(leader.comparison.case_id)
    if case is None or into is None or not (_may_lie(case) and _may_lie(into)):
        return False
    if case.assignee_id is not None or Case.objects.filter(folded_into=case).exists():
        return False
    if any(getattr(case, name) != getattr(into, name) for name in _SAME):
        return False
    if case.prefecture not in ("", into.prefecture):  # who looks at one prefecture only must find it
        return False
    if _out_of_reach(into, now):
        return False
    case.folded_into = into
    case.save(update_fields=["folded_into"])
    likeness = round(leader.likeness * 100)
    _note("folded", "worker", case, now, into=into.pk, likeness=likeness, automatic=True)
    return True


def surface_held(now: datetime) -> int:
    """Lets come out what lies under a case whose post another body holds, but for what is held as well; returns how many.

    The first of them leads the others.
    """
    surfaced = 0
    led = Case.objects.exclude(folded_into=None).order_by()
    for organisation_id in list(led.values_list("organisation", flat=True).distinct()):
        leaders = Case.objects.filter(pk__in=led.filter(organisation=organisation_id).values("folded_into"))
        for leader in list(held_elsewhere(leaders, organisation_id, now).order_by("pk").values_list("pk", flat=True)):
            with transaction.atomic():
                under = Case.objects.filter(folded_into=leader, state=Case.State.WAITING)
                held = set(held_elsewhere(under, organisation_id, now).values_list("pk", flat=True))
                free = [one for one in under.select_for_update(of=("self",)).order_by("pk") if one.pk not in held]
                if free:
                    lead(free)
                    surfaced += len(free)
    return surfaced


def confirm(actor: Actor, case_id: int, other_id: int, now: datetime | None = None) -> None:
    """A person says that two cases say the same; where both wait, the one (with what lies under it) folds under the other.

    Raises Refused for a case of a person at risk, BadInput for a case that is not there.
    """
    now = now or timezone.now()
    actor.must("decide")
    if case_id == other_id:
        raise BadInput("case", case_id, "two different cases")
    with transaction.atomic():
        led = Case.objects.filter(pk=other_id, organisation_id=actor.organisation_id).values_list(
            "folded_into", flat=True
        )
        into_id = led.first() or other_id
        found = _locked(actor, case_id, other_id, into_id)
        case, other, into = found[case_id], found[other_id], found[into_id]
        if (other.folded_into_id or other_id) != into_id:
            raise Refused("somebody changed this row meanwhile; look at it again")
        if case.at_risk or other.at_risk:
            raise Refused("somebody may be in danger here: such a case is never folded, decide it by itself")
        _say(actor, case, other, State.CONFIRMED, now)
        folded = case.pk != into.pk and _may_lie(case) and _may_lie(into) and not _out_of_reach(into, now)
        if folded:
            Case.objects.filter(folded_into=case).update(folded_into=into)
            case.folded_into = into
            case.save(update_fields=["folded_into"])
        _note("likeness_confirmed", actor, case, now, other=other.pk, into=into.pk if folded else None)


def reject(actor: Actor, case_id: int, other_id: int, now: datetime | None = None) -> None:
    """A person says that a case says something else than another; if it lies in one row with it, it comes out."""
    now = now or timezone.now()
    actor.must("decide")
    if case_id == other_id:
        raise BadInput("case", case_id, "two different cases")
    with transaction.atomic():
        found = _locked(actor, case_id, other_id)
        case, other = found[case_id], found[other_id]
        _say(actor, case, other, State.REJECTED, now)
        if case.folded_into_id is not None and case.folded_into_id in (other.pk, other.folded_into_id):
            come_out(case)
        elif other.folded_into_id == case.pk:
            come_out(other)
        _note("likeness_rejected", actor, case, now, other=other.pk)


@dataclass(frozen=True)
class Together:
    """What came of deciding several cases together."""

    batch: str
    decided: list[Decision] = field(default_factory=list)
    refused: list[tuple[int, YoakeError]] = field(default_factory=list)  # the case, and why


def decide_together(
    actor: Actor,
    leader_id: int,
    shown: Mapping[int, int],
    verdict: str,
    *,
    category_slug: str = "",
    also: tuple[str, ...] = (),
    reason: str | Composed = "",
    elements: Iterable[Tied] = (),
    now: datetime | None = None,
) -> Together:
    """Decides cases that are alike, each for itself, the leader of the row last: what fails for one does not hinder the others.

    Args:
        actor: who decides.
        leader_id: the case under which the others lie, or to which they are suggested.
        shown: the chosen cases, each with the version whose differing words the person saw; the leader's must be there.
        verdict: as in `cases.actions.decide`, like what follows.
        category_slug: of the verdict in scope.
        also: further categories.
        reason: for each of them; or what makes it of a version and of the elements that stand in it.
        elements: where the elements stand in the leader's words; in others they are where the same words stand.
        now: the time; the clock's when left out.

    Raises:
        BadInput: when what is said about the verdict does not fit.
        Refused: for more than 100 cases, for the row of a person at risk, or when another case leads the row meanwhile.
    """
    actor.must("decide")
    leader, others = queries.waiting_together(actor, leader_id)
    if leader.at_risk:
        raise Refused("somebody may be in danger here: such a case is never folded, decide it by itself")
    if leader.pk not in shown:
        raise Refused("read the row again: another case leads it meanwhile")
    if len(shown) > queries.TOGETHER:
        raise Refused(f"at most {queries.TOGETHER} cases are decided together; take the others next")
    known = {leader.pk, *(one.case.pk for one in others)}
    ticked = list(elements)
    result = Together(str(uuid.uuid4()))
    of_leader = leader.post.current
    for case_id in (*(pk for pk in sorted(shown) if pk != leader.pk), leader.pk):
        try:
            if case_id not in known:
                raise Refused("this case is not alike any more, or somebody decided it meanwhile")
            version = _version(actor, case_id, shown[case_id])
            tied = ticked if case_id == leader.pk else _carried(ticked, of_leader, version)
            said = reason if isinstance(reason, str) else reason(version, tied)
            result.decided.append(
                cases.decide(
                    actor, case_id, verdict, version_id=shown[case_id], category_slug=category_slug, also=also,
                    reason=said, elements=tied, batch=result.batch, now=now,
                )
            )  # fmt: skip
        except BadInput as problem:
            if not result.decided:
                raise  # what was said of the verdict itself
            result.refused.append((case_id, problem))
        except Refused as problem:
            result.refused.append((case_id, problem))
    return result


def undo_together(actor: Actor, batch: str, now: datetime | None = None, *, only: int = 0) -> Together:
    """Undoes what was decided together, one after the other; what somebody undid or decided anew meanwhile stays.

    `only` names the one case that is undone; 0 means all.
    """
    actor.must("decide")
    result = Together(batch)
    for decision in queries.decided_together(actor, batch):
        if decision.undone_by.all() or only not in (0, decision.case_id):
            continue
        try:
            standing = standing_decision(list(decision.case.decisions.order_by("at", "pk")))
            if standing is None or standing.pk != decision.pk:
                raise Refused("another decision stands on this case meanwhile")
            result.decided.append(cases.undo(actor, decision.case_id, now))
        except Refused as problem:
            result.refused.append((decision.case_id, problem))
    return result


def _version(actor: Actor, case_id: int, version_id: int) -> PostVersion:
    mine = PostVersion.objects.filter(post__cases=case_id, post__cases__organisation=actor.organisation_id)
    version = mine.filter(pk=version_id).first()
    if version is None:
        raise Refused("the post changed since you opened it; read it again, then decide")
    return version


def _carried(ticked: Sequence[Tied], of: PostVersion | None, version: PostVersion) -> list[Tied]:
    """Where the words to which elements were tied stand in another version; those it does not have are left out."""
    if of is None:
        return []
    carried = []
    for one in ticked:
        if one.field in ("text", "profile", "parent_text"):
            words = str(getattr(of, one.field))[one.start : one.end]
            at = str(getattr(version, one.field)).find(words)
            if words and at >= 0:
                carried.append(Tied(one.name, one.field, at, at + len(words)))
    return carried


def _locked(actor: Actor, *ids: int) -> dict[int, Case]:
    """Cases of the actor's organisation; their posts and themselves are locked, each in the order of their keys."""
    mine = Case.objects.filter(pk__in=ids, organisation_id=actor.organisation_id)
    posts = list(mine.values_list("post_id", flat=True))
    list(Post.objects.select_for_update(of=("self",)).filter(pk__in=posts).order_by("pk"))
    found = {case.pk: case for case in mine.select_for_update(of=("self",)).order_by("pk")}
    for pk in ids:
        if pk not in found:
            raise BadInput("case", pk, "there is no such case in your organisation")
    return found


def _say(actor: Actor, case: Case, other: Case, state: str, now: datetime) -> None:
    """Writes what a person said of two cases; one that was never measured is measured now."""
    rows = queries.comparisons_of(actor, case.pk, other.pk)
    one, two = sorted(rows.values(), key=lambda row: -row.pk)
    ours, theirs = alike.sign([one.version.text, two.version.text])
    Likeness.objects.update_or_create(
        one=one,
        other=two,
        defaults={"state": state, "by_id": person(actor), "at": now},
        create_defaults={
            "state": state, "by_id": person(actor), "at": now, "found_at": now, "likeness": alike.likeness(ours, theirs),
        },
    )  # fmt: skip


def _may_lie(case: Case) -> bool:
    """Whether a case may lie under another, or another under it."""
    return case.state == Case.State.WAITING and not case.at_risk and case.folded_into_id is None


def _out_of_reach(leader: Case, now: datetime) -> bool:
    """Whether another body holds the post: nobody here can open the row then."""
    return held_elsewhere(Case.objects.filter(pk=leader.pk), leader.organisation_id, now).exists()


def _still(row: Comparison) -> bool:
    """Whether what is compared is still what the post says: it may have changed, been decided or gone."""
    mine = Comparison.objects.filter(pk=row.pk, version_id=row.version_id, case__post__current=row.version_id)
    return mine.exists()


def _done(row: Comparison) -> None:
    Comparison.objects.filter(pk=row.pk).update(due_at=None, claimed_until=None, problem="")


def _note(kind: str, actor: Actor | str, case: Case, now: datetime, **facts: str | int | bool | None) -> None:
    who = actor if isinstance(actor, str) else actor.name
    record(kind, actor=who, organisation=case.organisation_id, subject=f"case:{case.pk}", at=now, **facts)
