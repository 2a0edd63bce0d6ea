"""Cases that say nearly the same: what differs between them, deciding them together, undoing that, saying they are not alike.

A page shows one row of the inbox whole: what its leader says, and of each other case the words that differ. Only what was
shown is decided: the form carries the versions, and each case is decided for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases.actions import REASON_LONGEST
from yoake.casework.cases.categories import categories
from yoake.casework.cases.holds import Holding, who_holds
from yoake.casework.cases.models import Case, Decision, PostVersion
from yoake.casework.cases.offering import veiled_for
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.link import actions
from yoake.casework.link.queries import Similar, decided_together, similar, waiting_together
from yoake.casework.people.queries import Actor
from yoake.console import elements, marks, words
from yoake.console.case import post_lang, texts_of
from yoake.console.inbox import author_of, held_by
from yoake.console.page import number, page, staff_page
from yoake.errors import BadInput, Refused

TOLD = 3  # similar cases beside a case; the others are on the page of the row
_LONG_SAME = 60  # characters of a stretch that both say: more is left out but for its ends
_ENDS = 20
_MOST_WORDS = 4000  # of longer texts whole lines are compared
_A_PAIR, _A_PAGE = 1_000_000, 8_000_000  # steps of comparing, some ten million a second
_WORD = re.compile(r"[ァ-ヶー]+|[A-Za-z]+|\d+|[^\S\n]+|.", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n?")


class Steps:
    """How much may still be compared for a page; one for all its pairs, each takes at most its share."""

    def __init__(self, n: int = _A_PAGE) -> None:
        self.left = n


class _Bounded(SequenceMatcher[str]):
    """Compares as long as there are steps left; what it did not get to counts as different."""

    def __init__(self, one: list[str], other: list[str], steps: Steps) -> None:
        self._steps, self._least = steps, steps.left - _A_PAIR
        super().__init__(None, one, other, autojunk=False)
        self._found = [len(self.b2j.get(word, ())) for word in one]  # type: ignore[attr-defined]

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        ahi = len(self._found) if ahi is None else ahi
        bhi = len(self.b) if bhi is None else bhi  # type: ignore[attr-defined]
        needed = ahi - alo + sum(self._found[alo:ahi])
        if self._steps.left - needed < max(self._least, 0):
            return Match(alo, blo, 0)
        self._steps.left -= needed
        return super().find_longest_match(alo, ahi, blo, bhi)


@dataclass(frozen=True)
class Part:
    """A stretch of words that both texts have, or only one of them."""

    kind: str  # same, added (only in this one), left_out (only in the leader's)
    parts: tuple[marks.Part, ...]


@dataclass(frozen=True)
class Differing:
    """What one field of a post says otherwise than the leader's."""

    name: str  # text, profile, parent_text
    parts: list[Part]


@dataclass(frozen=True)
class Member:
    """A case of a row, or one that may belong to it, as the page shows it."""

    case: Case
    version: PostVersion
    differing: list[Differing]
    same_words: bool
    pictures: tuple[int, int]  # how many this one has and the leader has; equal ones are not told
    percent: int
    but_digits: bool  # what likeness does not look at is all that differs
    folded: bool
    sure: bool  # confirmed, so chosen from the start
    by_person: bool
    chosen: bool
    held: str  # who holds it, "" when free; what another body holds shows no words
    elsewhere: bool
    author: str
    handle: str
    standing: Decision | None  # what was decided of it


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The row of a case: its leader, what lies under it, what may belong to it."""
    leader, _others = waiting_together(actor, case_id)
    if leader.pk != case_id:
        return redirect("alike", case_id=leader.pk)
    return _page(request, actor, case_id)


@require_http_methods(["GET", "POST"])
@staff_page
def decide(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Decides the chosen cases, each for itself, then shows what came of each."""
    if request.method == "GET":  # after signing in again
        return redirect("alike", case_id=case_id)
    chosen = {number(key) for key in request.POST.getlist("with")} | {case_id}
    shown = {key: number(request.POST.get(f"version_{key}", "")) for key in sorted(chosen)}
    verdict, slug = request.POST.get("verdict", ""), request.POST.get("category", "")
    view = case_view(actor, case_id)
    try:
        if verdict not in (Decision.Verdict.IN_SCOPE, Decision.Verdict.NOT_IN_SCOPE, Decision.Verdict.CANNOT_TELL):
            raise BadInput("verdict", verdict, gettext("choose in scope, not in scope or cannot tell"))
        if verdict == Decision.Verdict.IN_SCOPE and slug not in dict(_choices([])):
            raise BadInput("category", "", gettext("choose the category that holds"))
        done = actions.decide_together(
            actor,
            case_id,
            shown,
            verdict,
            category_slug=slug,
            reason=elements.reason_of_each(request.POST),
            elements=elements.ticks(request.POST, slug, view.version),
        )
    except (BadInput, Refused) as error:
        return _page(request, actor, case_id, problem=words.sentence(error), chosen=frozenset(chosen), status=409)
    for refused_id, problem in done.refused:
        told = {"case": refused_id, "why": words.sentence(problem)}
        messages.warning(request, gettext("Case %(case)s was not decided: %(why)s") % told)
    if not done.decided:
        return redirect("alike", case_id=case_id)
    return redirect("together", batch=done.batch)


@require_safe
@staff_page
def together(request: HttpRequest, actor: Actor, batch: UUID) -> HttpResponse:
    """What was decided together, each to be undone for itself or all at once."""
    decisions = decided_together(actor, str(batch))
    if not decisions:
        raise Http404
    now = timezone.now()
    holding = who_holds(actor, [decision.case.post_id for decision in decisions], now)
    rows = [_outcome(actor, decision, holding.get(decision.case.post_id)) for decision in decisions]
    note_all_seen(actor, [row["decision"].case for row in rows if row["words"]])
    context = {
        "rows": rows,
        "batch": batch,
        "verdict": decisions[0],
        "stand": sum(row["stands"] for row in rows),
        "may_undo": any(row["may_undo"] for row in rows),
        "desk": "live",
    }
    return page(request, actor, "yoake/together.html", context)


@require_POST
@staff_page
def undo(request: HttpRequest, actor: Actor, batch: UUID) -> HttpResponse:
    """Undoes what was decided together: all of it, or the one case that is named."""
    done = actions.undo_together(actor, str(batch), only=number(request.POST.get("case", "")))
    n = len(done.decided)
    if n:
        said = ngettext(
            "%d decision is undone; the case waits again.", "%d decisions are undone; the cases wait again.", n
        )
        messages.success(request, said % n)
    for case_id, problem in done.refused:
        told = {"case": case_id, "why": words.sentence(problem)}
        messages.warning(request, gettext("Case %(case)s stays decided: %(why)s") % told)
    return redirect("together", batch=batch)


@require_POST
@staff_page
def say(request: HttpRequest, actor: Actor, case_id: int, other_id: int) -> HttpResponse:
    """A person says that a case says the same as another (and folds under it), or that it does not (and comes out)."""
    if request.POST.get("same") == "yes":
        actions.confirm(actor, case_id, other_id)
        messages.success(request, gettext("Noted: the two say the same."))
    else:
        actions.reject(actor, case_id, other_id)
        messages.success(request, gettext("Noted: the two do not say the same."))
    back = number(request.POST.get("back", "")) or case_id
    return redirect(reverse("alike", args=[back]) if request.POST.get("row") else reverse("case", args=[back]))


@require_safe
@staff_page
def beside(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The similar cases of a case, for its page."""
    case = case_view(actor, case_id).case
    found = similar(actor, case)
    version = None if case.category in veiled_for(actor) else case.post.current
    near = _members(actor, version, found[:TOLD]) if version else []
    note_all_seen(actor, [member.case for member in near if not member.elsewhere])
    context = {
        "case": case,
        "found": near,
        "number": len(found),
        "more": max(0, len(found) - TOLD),
        "together": sum(_waits(one.case) for one in found) if _waits(case) else 0,
    }
    return render(request, "yoake/alike.html", context)


def _page(
    request: HttpRequest,
    actor: Actor,
    case_id: int,
    *,
    problem: str = "",
    chosen: frozenset[int] | None = None,
    status: int = 200,
) -> HttpResponse:
    leader, others = waiting_together(actor, case_id)
    version = leader.post.current
    view = case_view(actor, leader.pk)
    holding = who_holds(actor, [leader.post_id], timezone.now()).get(leader.post_id)
    elsewhere = holding is not None and holding.elsewhere
    asked_for = request.method == "POST" or "show" in request.GET
    veiled = leader.category in veiled_for(actor) and not asked_for
    readable = version is not None and not elsewhere and not veiled and leader.post.erased_at is None
    members = _members(actor, version, others, chosen) if readable else []
    texts = texts_of(version) if version is not None and readable else {}
    if readable:
        note_all_seen(actor, [leader, *(member.case for member in members if not member.elsewhere)])
    live_findings = [finding for finding in view.findings if not finding.shadow]
    entered = request.POST if request.method == "POST" else None
    slug = request.POST.get("category") or (live_findings[0].category if live_findings else "")
    author, handle = author_of(leader)
    return page(
        request,
        actor,
        "yoake/alike_row.html",
        {
            "case": leader,
            "version": version,
            "view": view,
            "readable": readable,
            "veiled": veiled,
            "texts": [(name, list(marks.parts(text))) for name, text in texts.items() if text],
            "author": author,
            "handle": handle,
            "post_lang": post_lang(version),
            "members": members,
            "held": _held(actor, holding),
            "may_decide": readable and _waits(leader) and not leader.at_risk and actor.may("decide"),
            "choices": _choices([finding.category for finding in live_findings]),
            "chosen": slug,
            "entered": entered or {},
            **elements.context(view.findings, version, slug, entered),
            "reason_longest": REASON_LONGEST,
            "problem": problem,
            "desk": "live",
        },
        status=status,
    )  # fmt: skip


def _members(
    actor: Actor, leader: PostVersion | None, found: Sequence[Similar], chosen: frozenset[int] | None = None
) -> list[Member]:
    """Cases as a page shows them beside the one they are like; two queries, however many."""
    holding = who_holds(actor, [one.case.post_id for one in found], timezone.now())
    members, steps = [], Steps()
    for one in found:
        version = one.case.post.current
        if version is None or leader is None:
            continue
        held = holding.get(one.case.post_id)
        elsewhere = held is not None and held.elsewhere
        erased = one.case.post.erased_at is not None
        differing = [] if elsewhere or erased else _differing(leader, version, steps)
        sure = one.folded or one.state == actions.State.CONFIRMED
        members.append(
            Member(
                case=one.case,
                version=version,
                differing=differing,
                same_words=not (differing or elsewhere or erased),
                pictures=(len(version.images), len(leader.images)),
                percent=round(one.likeness * 100),
                but_digits=bool(differing) and sure and one.likeness == 1 and _text_alone(differing),
                folded=one.folded,
                sure=sure,
                by_person=one.by_person,
                chosen=one.case.pk in chosen if chosen is not None else sure,
                held=_held(actor, held),
                elsewhere=elsewhere,
                author="" if elsewhere else author_of(one.case)[0],
                handle="" if elsewhere else author_of(one.case)[1],
                standing=one.standing,
            )
        )
    return members


def _text_alone(differing: Sequence[Differing]) -> bool:
    return all(one.name == "text" for one in differing)


def _differing(leader: PostVersion, version: PostVersion, steps: Steps) -> list[Differing]:
    ours, theirs = texts_of(leader), texts_of(version)
    unlike = [name for name in ours if ours[name] != theirs[name]]
    return [Differing(name, differences(ours[name], theirs[name], steps)) for name in unlike]


def differences(ours: str, theirs: str, steps: Steps | None = None) -> list[Part]:
    """What one text says otherwise than another: whole words where letters make words, else single characters.

    `steps` is what may still be compared for the same page; beyond it, texts are shown as different in whole.

    A single character that both have between two that differ counts as different, so that nobody reads confetti; long
    stretches that both have are cut down to their ends.
    """
    steps = steps or Steps()
    steps.left -= len(ours) + len(theirs)
    one, other = (_WORD.findall(ours), _WORD.findall(theirs)) if steps.left > 0 else ([ours], [theirs])
    if len(one) + len(other) > _MOST_WORDS:
        one, other = _LINE.findall(ours), _LINE.findall(theirs)
    if len(one) + len(other) > _MOST_WORDS:  # nobody reads these line by line, and comparing them would take minutes
        one, other = [ours], [theirs]
    blocks = _Bounded(one, other, steps).get_opcodes()
    found: list[tuple[str, str, str]] = []  # kind, the leader's words, this one's
    for place, (tag, a, b, c, d) in enumerate(blocks):
        alone = 0 < place < len(blocks) - 1 and b - a == 1 and len(one[a]) == 1 and one[a] != "\n"
        if tag == "equal" and not alone:
            found.append(("same", "".join(one[a:b]), ""))
        elif found and found[-1][0] == "other":
            found[-1] = ("other", found[-1][1] + "".join(one[a:b]), found[-1][2] + "".join(other[c:d]))
        else:
            found.append(("other", "".join(one[a:b]), "".join(other[c:d])))
    shown: list[Part] = []
    for place, (kind, left, right) in enumerate(found):
        if kind == "same":
            shown.append(Part("same", tuple(marks.parts(_shortened(left, place == 0, place == len(found) - 1)))))
            continue
        if left:
            shown.append(Part("left_out", tuple(marks.parts(left))))
        if right:
            shown.append(Part("added", tuple(marks.parts(right))))
    return shown


def _shortened(text: str, first: bool, last: bool) -> str:
    if len(text) <= _LONG_SAME:
        return text
    return ("" if first else text[:_ENDS]) + " … " + ("" if last else text[-_ENDS:])


def _outcome(actor: Actor, decision: Decision, holding: Holding | None) -> dict[str, Any]:
    """One line of what was decided together."""
    case = decision.case
    stands = not decision.undone_by.all()
    gone = case.post.erased_at is not None
    hidden = gone or (holding is not None and holding.elsewhere)
    own = decision.by_id == actor.user_id or actor.may("undo_others")
    return {
        "decision": decision,
        "stands": stands,
        "words": "" if hidden else decision.version.text,
        "erased": gone,
        "may_undo": stands and own and actor.may("decide") and not gone,
    }


def _held(actor: Actor, holding: Holding | None) -> str:
    """Who else holds a case, in words; "" when nobody else does."""
    return "" if holding is None or holding.is_of(actor) else held_by(actor, holding)


def _waits(case: Case) -> bool:
    return case.state == Case.State.WAITING


def _choices(found: Sequence[str]) -> list[tuple[str, str]]:
    """Categories that can be decided together: what is recorded only goes at once and for good, so that is done one by one."""
    known = {slug: one for slug, one in categories().items() if not one.record_only}
    ordered = [slug for slug in dict.fromkeys(found) if slug in known]
    return [(slug, words.category_name(slug)) for slug in (*ordered, *(slug for slug in known if slug not in ordered))]
