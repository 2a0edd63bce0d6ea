"""Which cases are alike, which lie under another, what was decided together. People see only their organisation's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Prefetch, Q

from yoake.casework.cases import guards
from yoake.casework.cases.models import Case, Comparison, Decision
from yoake.casework.cases.queries import kept_as_record, standing_decision
from yoake.casework.cases.second import blind_among, without_blind
from yoake.casework.link import alike
from yoake.casework.link.models import Likeness, Signature
from yoake.casework.people.queries import Actor
from yoake.detect.kernels.minhash import estimated
from yoake.errors import BadInput

TOGETHER: Final = 100  # cases that one page shows and one act decides; the others come next
_OF_A_BAND: Final = 40  # the newest that share a band are looked at: of thousands of copies any will do
_LOOKED_AT: Final = 60  # signatures that are estimated
_READ: Final = 12  # texts that are compared word for word
_SLACK: Final = 0.2  # by how much an estimate may fall short: more than three of its standard errors (1 / 16)

State = Likeness.State


def fold_automatically_allowed(organisation_id: int) -> bool:
    """Whether cases fold by themselves; quality switches it off where it was right too seldom, and people may."""
    return guards.is_on(guards.FOLDING, organisation_id)


# --- looking up -----------------------------------------------------------------------------------------------------


def sharing_bands(values: Sequence[int], but: int = 0) -> list[int]:
    """Signatures that share a band with these values, those that share most first; at most 60."""
    if not values:
        return []
    one = (
        "SELECT * FROM (SELECT signature_id FROM link_band WHERE value = %s ORDER BY signature_id DESC LIMIT %s) AS b{}"
    )
    found = " UNION ALL ".join(one.format(i) for i in range(len(values)))
    asked = [parameter for value in values for parameter in (value, _OF_A_BAND)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT signature_id FROM ({found}) AS found WHERE signature_id <> %s"  # noqa: S608 (no word of anybody's)
            " GROUP BY signature_id ORDER BY count(*) DESC, signature_id LIMIT %s",
            [*asked, but, _LOOKED_AT],
        )
        return [row[0] for row in cursor.fetchall()]


def likely(signed: alike.Signed, organisation_id: int, but: int = 0) -> list[int]:
    """The comparisons whose cases may be alike by their signatures, likeliest first; at most 12. No words are read."""
    shared = sharing_bands(alike.bands(signed, organisation_id), but)
    stored = list(Signature.objects.filter(pk__in=shared).values_list("pk", "minima"))
    if not stored:
        return []
    estimates = estimated(signed.minima, alike.unpacked([minima for _pk, minima in stored])).tolist()
    ranked = sorted(zip(estimates, (pk for pk, _minima in stored), strict=True), key=lambda item: (-item[0], item[1]))
    return [pk for estimate, pk in ranked[:_READ] if estimate >= alike.SUGGESTED - _SLACK]


@dataclass(frozen=True)
class Alike:
    """A case that says nearly the same, by its words."""

    comparison: Comparison  # with its case, post and version
    likeness: float
    sure: bool  # long enough, alike enough, and nothing in either that may turn what is said

    @property
    def state(self) -> str:
        """What the measure says of it."""
        return State.CONFIRMED if self.sure else State.SUGGESTED


def measured(signed: alike.Signed, text: str, others: Iterable[Comparison]) -> list[Alike]:
    """How alike the words still held of other comparisons are to a text; only those worth a person's look, likest first."""
    there = [other for other in others if other.version.text]
    found = []
    for other, its in zip(there, alike.sign([other.version.text for other in there]) if there else (), strict=True):
        share = alike.likeness(signed, its)
        if share >= alike.SUGGESTED:
            long = min(signed.length, its.length) >= alike.LONG
            sure = long and share >= alike.CONFIRMED and not alike.may_mean_else(text, other.version.text)
            found.append(Alike(other, share, sure))
    return sorted(found, key=lambda one: (-one.likeness, one.comparison.pk))


def with_words(keys: Iterable[int]) -> list[Comparison]:
    """Comparisons with their case, post and words."""
    rows = Comparison.objects.filter(pk__in=list(keys)).select_related("case", "case__post", "version")
    return [row for row in rows if row.case.post.current_id == row.version_id]


# --- what people see ------------------------------------------------------------------------------------------------


def under_counts(cases: Iterable[int]) -> dict[int, int]:
    """How many cases lie under each of these: one query, whatever their number."""
    under = Case.objects.filter(folded_into__in=list(cases), state=Case.State.WAITING).order_by()
    return dict(under.values_list("folded_into").annotate(n=Count("pk")))


@dataclass(frozen=True)
class Similar:
    """A case that is like the one that is looked at."""

    case: Case  # with its post, version and account
    likeness: float
    state: str  # suggested or confirmed
    by_person: bool  # a person said so
    standing: Decision | None  # what was decided of it
    folded: bool  # lies in the same row of the inbox


def similar(actor: Actor, case: Case) -> list[Similar]:
    """The cases that are like this one, confirmed ones first, then the likest: waiting and decided ones."""
    actor.must("read")
    pairs = (
        Likeness.objects.filter(
            Q(one__case=case.pk) | Q(other__case=case.pk), one__case__organisation=actor.organisation_id
        )
        .exclude(state=State.REJECTED)
        .values_list("one__case", "other__case", "likeness", "state", "by")
    )
    said = {(theirs if ours == case.pk else ours): (likeness, state, by) for ours, theirs, likeness, state, by in pairs}
    leader = case.folded_into_id or case.pk
    together = Q(folded_into=leader) | Q(pk=leader)
    cases = _shown(actor).filter(Q(pk__in=said) | together).exclude(pk=case.pk)
    found = []
    others = list(cases[: 2 * TOGETHER])
    blind = blind_among(actor, [other.pk for other in others])
    for other in others:
        folded = other.folded_into_id == leader or (other.pk == leader and case.folded_into_id == leader)
        likeness, state, by = said.get(other.pk, (0.0, State.CONFIRMED, None))
        waits = other.state == Case.State.WAITING
        standing = None if waits or other.pk in blind else standing_decision(list(other.decisions.all()))
        if kept_as_record(other, standing):  # while another body pursues it, its words are still there
            continue
        found.append(Similar(other, likeness, state, by is not None, standing, folded))
    return sorted(found, key=lambda one: (not one.folded, one.state != State.CONFIRMED, -one.likeness, one.case.pk))


def living_copies(actor: Actor, case_id: int) -> list[Case]:
    """The cases that say nearly the same as this one and are held here, likest first: whoever stops it is asked about them.

    For an adviser, who sees no other cases, there are none.
    """
    actor.must("stop")
    case = _shown(actor).filter(pk=case_id).first() if actor.may("read") else None
    if case is None:
        return []
    near = [one.case for one in similar(actor, case)]
    return [one for one in near if one.post.erased_at is None and one.post.stopped_at is None]


def waiting_together(actor: Actor, case_id: int) -> tuple[Case, list[Similar]]:
    """The leader of a case's row and those that can be decided with it: what lies under it, then what may be like it.

    Raises BadInput when the actor's organisation has no such case.
    """
    case = _shown(actor).filter(pk=case_id).first()
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    if case.folded_into_id is not None:
        case = _shown(actor).get(pk=case.folded_into_id)
    free = [one for one in similar(actor, case) if one.case.state == Case.State.WAITING and not one.case.at_risk]
    return case, [one for one in free if one.folded or one.case.folded_into_id is None][: TOGETHER - 1]


def decided_together(actor: Actor, batch: str) -> list[Decision]:
    """What was decided together, in that order, with cases, words and what undid it."""
    actor.must("read")
    decisions = Decision.objects.filter(batch=batch, case__organisation_id=actor.organisation_id).exclude(batch="")
    with_words = without_blind(decisions, actor).select_related(
        "case", "case__post", "case__post__current", "by", "version"
    )
    return list(with_words.prefetch_related("undone_by").order_by("at", "pk"))


def comparisons_of(actor: Actor, *cases: int) -> Mapping[int, Comparison]:
    """The comparisons of these cases of the actor's organisation, by case, with words. Raises BadInput for a missing one."""
    rows = Comparison.objects.filter(case__in=cases, case__organisation_id=actor.organisation_id)
    found = {row.case_id: row for row in rows.select_related("case", "case__post", "version")}
    for case in cases:
        if case not in found:
            raise BadInput("case", case, "there is no such case in your organisation")
    return found


def _shown(actor: Actor) -> Any:
    actor.must("read")
    decisions = Prefetch("decisions", Decision.objects.select_related("by").order_by("at", "pk"))
    cases = Case.objects.filter(organisation_id=actor.organisation_id, practice=False)
    return cases.select_related("post", "post__current", "post__account").prefetch_related(decisions).order_by("pk")
