"""What an approval holds for: the words, the addressee, and the post as it was read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from yoake.casework.cases.hold_keys import account_form, key_of
from yoake.casework.cases.models import Account, Case, Decision
from yoake.casework.cases.queries import standing_decision
from yoake.casework.outbox.models import OutboxItem

Kind, Way = OutboxItem.Kind, OutboxItem.Way
# What a category calls the act; a correction and an answer belong to what was allowed before.
ACTION: Final = {Kind.WARNING: "warn", Kind.REQUEST: "request", Kind.REPORT: "report", Kind.HELP: "help"}


def bound_of(item: OutboxItem, cases: Iterable[Case]) -> str:
    """Hex sha256 over what an approver reads, as it stands now.

    Args:
        item: channel, way, sender, addressee and words are of it.
        cases: the cases it speaks of, with post, current version and account. Of what answers a post, or asks for its removal,
            the post's content, author's name and handle, and parent are bound; a hand-over to people who help or pursue
            does not wait because a post was edited, and a correction belongs to what we said. Of whatever acts on a case, the
            decision it acts on is bound.
    """
    told: list[Any] = [item.kind, item.channel, item.way, item.sender_id, item.to, item.body, item.remove_after_s]
    cases = sorted(cases, key=lambda one: one.pk)
    if item.kind in ACTION:
        told += [decision.pk if decision else 0 for decision in (standing(case, item.kind) for case in cases)]
    if binds_post(item):
        for case in cases:
            version, account = case.post.current, case.post.account
            parent = (version.parent_id, version.parent_text) if version is not None else ("", "")
            told.append(
                [
                    case.post.uid,
                    version.content_hash if version is not None else "",
                    version.author_name if version is not None else "",
                    account.handle if account is not None else "",
                    sha256("\0".join(parent).encode()).hexdigest(),
                ]
            )
    return sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def standing(case: Case, kind: str) -> Decision | None:
    """The decision in scope that holds now; None while a second person is asked, or something else was decided.

    Help does not wait for the second person: a child at risk always has a second judgement, and minutes count.
    """
    asked = case.state == Case.State.SECOND_REVIEW and kind == Kind.HELP
    if case.state not in (Case.State.DECIDED, Case.State.CLOSED) and not asked:
        return None
    decision = standing_decision(list(case.decisions.order_by("at", "pk")))
    return decision if decision is not None and decision.verdict == Decision.Verdict.IN_SCOPE else None


def binds_post(item: OutboxItem) -> bool:
    """Whether an approval falls when the post changes."""
    if item.kind in (Kind.CORRECTION, Kind.ANSWER):
        return False
    return item.kind in (Kind.WARNING, Kind.REQUEST) or item.way in (Way.REPLY, Way.MESSAGE)


def author_key_of(account: Account | None) -> str:
    """Under which it is remembered that an author was warned, also when nothing else of them is kept; "" for nobody."""
    return key_of(account_form(account.network, account.native_id)) if account is not None else ""
