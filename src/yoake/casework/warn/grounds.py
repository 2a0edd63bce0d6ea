"""Whether a case may be warned at all: what was decided, on what ground, and whether somebody may be at risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from yoake.casework.cases.categories import categories
from yoake.casework.cases.elements import proposed, tied_of
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import standing_decision
from yoake.casework.cases.second import needs_second
from yoake.casework.wording.checks import Problem, problems
from yoake.casework.wording.letters import WARNING
from yoake.detect.category import Category
from yoake.errors import Refused

# Codes of `stopped_why` that this room adds, each in a sentence that says what to do.
SAID: Final = {
    "undecided": "only a case that stands in scope is warned; a person decides it first",
    "forbidden": "a category that holds here does not provide for a warning",
    "at_risk": "this person may need help: they are never warned; hand the case over to those who help",
    "alone": "missing items of a job ad alone are no ground for a warning; report it to the labour bureau or ask the provider, or"
    " undo the decision and tick what else shows it",
    "letter": "the letter breaks a rule of today, or names an article that nobody verified; draft it anew",
    "no_letter": "nobody knows from which letter this was made; draft it from the case",
}
_OF_WORDS: Final = ("long", "hashtag", "mention", "link", "trigger", "accuses", "article")  # also of a correction
_OF_WARNINGS: Final = (*_OF_WORDS, "hedge", "help_lines")


def said(code: str) -> str:
    """What a code of this room means, in one sentence."""
    return SAID.get(code, code)


def standing(case: Case) -> Decision | None:
    """The decision that holds; None while a second person is asked, or nobody decided."""
    if case.state not in (Case.State.DECIDED, Case.State.CLOSED):
        return None
    return standing_decision(list(case.decisions.order_by("at", "pk")))


def why_not(case: Case, decision: Decision | None) -> str:
    """The code of SAID why this case gets no warning; "" when the room has nothing against it."""
    if decision is None or decision.verdict != Decision.Verdict.IN_SCOPE:
        return "undecided"
    known, held = categories(), [decision.category, *decision.also]
    if case.at_risk or any(slug in known and known[slug].at_risk for slug in held):
        return "at_risk"
    if not all(slug in known and "warn" in known[slug].actions for slug in held):
        return "forbidden"
    return "alone" if not any(_grounded(decision, known[slug]) for slug in held) else ""


def must_be_warnable(case: Case) -> Decision:
    """The decision under which a case may be warned. Raises Refused naming what speaks against it, and the softer way."""
    decision = standing(case)
    if (why := why_not(case, decision)) or decision is None:
        raise Refused(said(why))
    return decision


def second_needed(case: Case, decision: Decision) -> bool:
    """Whether a second person must approve: a sign that the author is under 18, or the category demands it."""
    held = [decision.category, *decision.also]
    return any(needs_second(case, slug, f"user:{decision.by_id}") for slug in held)


def broken(known: Category, language: str, text: str, *, correction: bool = False) -> Sequence[Problem]:
    """The rules that words break as they leave, with their fields filled in; of a correction it need not hedge nor name a help line."""
    rules = _OF_WORDS if correction else _OF_WARNINGS
    return [problem for problem in problems(known, WARNING, language, text) if problem.rule in rules]


def _grounded(decision: Decision, known: Category) -> bool:
    """Whether something beyond what every incomplete ad shows is ticked; where nothing is ticked, whether a detector sees it.

    Elements are ticked for the first category alone; a further one that holds is a ground of its own.
    """
    if known.slug != decision.category or not known.never_alone:
        return True
    ticked = {one.name for one in tied_of(decision)}
    seen = ticked or set(proposed(decision.version.findings.all(), known.slug))
    return bool(seen - set(known.never_alone))
