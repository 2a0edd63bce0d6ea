"""Cases that repeat another: which one a person may name, and which it probably is.

A duplicate is a case of the same organisation and desk that says nothing the other does not say already. It is erased
like a post out of scope, and never taught to a model: its judgement is the other case's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from yoake.casework.cases.holds import readable
from yoake.casework.cases.models import Case, Decision, Post
from yoake.casework.cases.queries import at_address, standing_decision
from yoake.casework.cases.second import as_unjudged
from yoake.casework.cases.trials import posts_on_trial
from yoake.casework.people.queries import Actor
from yoake.collect.items import item_of
from yoake.errors import BadInput, Refused

SUGGESTED: Final = 6  # cases
_RECENT: Final = 500  # cases whose words are compared


@dataclass(frozen=True)
class Suggestion:
    """A case that this one may repeat."""

    case: Case
    why: str  # number, address, same_address, same_author, same_text


def lock_both(actor: Actor, case_id: int, other_id: int) -> None:
    """Locks the posts of two cases in the order in which everybody locks; call it before either case is locked."""
    posts = Case.objects.filter(organisation_id=actor.organisation_id, pk__in=(case_id, other_id)).values("post_id")
    list(Post.objects.select_for_update(of=("self",)).filter(pk__in=posts).order_by("pk").values_list("pk"))


def repeated_case(actor: Actor, case: Case, other_id: int) -> Case:
    """The case that this one repeats.

    Raises BadInput when there is no such case on this desk of the organisation, Refused when it is itself a duplicate.
    """
    other = _others(actor, case).filter(pk=other_id).exclude(pk=case.pk).first() if other_id else None
    if other is None:
        raise BadInput(
            "duplicate_of", other_id or "", "the number of another case on this desk, which this one repeats"
        )
    standing = standing_of(other)
    if standing is not None and standing.verdict == Decision.Verdict.DUPLICATE:
        raise Refused("that case is itself a duplicate; name the case that it repeats")
    return other


def standing_of(case: Case) -> Decision | None:
    """The decision that holds, None while the case waits."""
    return None if case.state == Case.State.WAITING else standing_decision(list(case.decisions.order_by("at", "id")))


def suggestions(actor: Actor, case: Case, asked: str = "") -> list[Suggestion]:
    """The cases that this one may repeat, the likeliest first.

    Args:
        actor: who looks; only their organisation's cases are found.
        case: the one that may be a duplicate.
        asked: a case's number or a post's address; "" for what has the same address, or the same author and words.
    """
    found = _suggested(actor, case, asked.strip())
    as_unjudged(actor, [one.case for one in found])
    return found


def _suggested(actor: Actor, case: Case, asked: str) -> list[Suggestion]:
    # neither a copy with a known answer nor its original: whoever sees one beside the other knows which it is
    known = _others(actor, case).exclude(post=case.post_id).exclude(post__in=posts_on_trial(actor))
    others = readable(known, actor, timezone.now()).select_related("post", "post__current")
    if asked.isascii() and asked.isdigit():
        return [Suggestion(one, "number") for one in others.filter(pk=int(asked[:18]))]
    if asked:
        try:
            item = item_of(asked)
        except BadInput:
            return []
        return [Suggestion(one, "address") for one in _newest(others.filter(at_address(item.url, of="post__")))]
    post, version = case.post, case.post.current
    found: dict[int, Suggestion] = {}
    if post.url:
        for one in _newest(others.filter(at_address(post.url, of="post__"))):
            found[one.pk] = Suggestion(one, "same_address")
    if version is not None and version.text:
        same = Q(post__current__text=version.text)
        if post.account_id is not None:
            # The author's posts are few and found by an index; among them the words are compared.
            own = others.filter(post__account_id=post.account_id).order_by("-pk").values_list("pk", flat=True)[:_RECENT]
            for one in _newest(others.filter(same, pk__in=list(own))):
                found.setdefault(one.pk, Suggestion(one, "same_author"))
        recent = others.order_by("-pk").values_list("pk", flat=True)[:_RECENT]
        for one in _newest(others.filter(same, pk__in=list(recent))):
            found.setdefault(one.pk, Suggestion(one, "same_text"))
    return list(found.values())[:SUGGESTED]


def _others(actor: Actor, case: Case) -> QuerySet[Case]:
    actor.must("read")
    return Case.objects.filter(organisation_id=actor.organisation_id, practice=case.practice)


def _newest(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.order_by("-pk")[:SUGGESTED]
