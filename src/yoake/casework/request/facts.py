"""What a request says: its facts, the letter or paper they make, and the body of the outbox item that carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case, Decision
from yoake.casework.due import TOKYO
from yoake.casework.evidence.models import Evidence
from yoake.casework.outbox.models import Sender
from yoake.casework.people.models import User
from yoake.casework.people.queries import shown_as
from yoake.casework.registers.queries import Listed
from yoake.casework.request import xarf
from yoake.casework.request.grounds import proposed
from yoake.casework.request.kind import BY_HAND, EMAIL, Kind
from yoake.casework.wording.letters import REQUEST, filled, head_of, in_force
from yoake.errors import Refused
from yoake.papers import pdf

PURPOSES: Final = ("first", "second", "extension", "withdrawal")
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "removal": ("投稿の削除等のお願い", "Request concerning a post"),
    "suspension": ("アカウントの利用停止等のお願い", "Request concerning an account"),
    "preservation": ("通信履歴の保全要請書", "Request to preserve communication records"),
    "disclosure": ("投稿者に関する照会書", "Inquiry about the author of a post"),
}
_PURPOSES: Final[Mapping[str, tuple[str, str]]] = {
    "first": ("", ""),
    "second": ("(再度のお願い)", " (second request)"),
    "extension": ("(期間の延長)", " (extension)"),
    "withdrawal": ("(取消し)", " (withdrawal)"),
}
_REMINDER: Final[Mapping[str, str]] = {
    "ja": "{date}に下記の件をお願いしましたが、ご回答を確認できておりません。現在の状況をお知らせいただけますと幸いです。",
    "en": "We wrote to you on {date} about the matter below and have seen no answer. Please let us know how it stands.",
}


def item_facts(case: Case, decision: Decision, sealed: Evidence, reason: str, reason_en: str) -> dict[str, Any]:
    """One post, as a request tells it. A post is named by its address; its author by the handle where the account is asked about."""
    known, account = category(decision.category), case.post.account
    return {
        "case": case.pk,
        "url": case.post.url,
        "native_id": case.post.native_id,
        "handle": account.handle if account is not None else "",
        "category_ja": known.name.ja,
        "category_en": known.name.en,
        "posted_at": told(case.post.posted_at),
        "seen_at": told(case.post.first_seen_at),
        "reason": reason,
        "reason_en": reason_en,
        "evidence": sealed.number,
        "digest": sealed.digest,
    }


def facts_of(
    kind: str,
    purpose: str,
    body: Listed,
    items: Sequence[Mapping[str, Any]],
    *,
    organisation_id: int,
    slug: str,
    number: str,
    more: str,
    term_days: int | None,
    by: User,
    now: datetime,
) -> dict[str, Any]:
    """Everything a request says. Raises Refused while nobody wrote down under which name the organisation writes."""
    head, language = head_of(organisation_id), body.language
    if head is None:
        raise Refused("nobody wrote down under which name and telephone your organisation writes; that comes first")
    at = 1 if language == "en" else 0
    known = category(slug)
    return {
        "language": language,
        "number": number,
        "kind": kind,
        "purpose": purpose,
        "title": _TITLES[kind][at] + _PURPOSES[purpose][at] if kind in _TITLES else kind,
        "recipient": body.name_en if at else body.name_ja,
        "organisation": head.name_en if at else head.name_ja,
        "organisation_en": head.name_en,
        "telephone": head.telephone,
        "by": shown_as(by),
        "made_at": told(now),
        "category": known.name.en if at else known.name.ja,
        "slug": slug,
        "items": [dict(one) for one in items],
        "more": more,
        "term_days": term_days,
    }


def letter_of(organisation_id: int, facts: Mapping[str, Any]) -> str:
    """The wording room's letter `request`, filled in for one post or, numbered, for several of one category."""
    language, items = str(facts["language"]), facts["items"]
    text = in_force(organisation_id, str(facts["slug"]), REQUEST, language).text
    return filled(
        text, head_of(organisation_id), language, category=facts["category"], url=_listed(items, "url"),
        seen_at=_listed(items, "seen_at"), reason=_listed(items, "reason"),
    )  # fmt: skip


def body_for(
    organisation_id: int,
    kind: Kind,
    channel: str,
    facts: dict[str, Any],
    *,
    sender: Sender | None,
    cases: Sequence[Case],
    key: str,
    network_reason: str,
    now: datetime,
) -> dict[str, Any]:
    """What the outbox item carries: words, facts, and for a mail its subject and an X-ARF report for each post."""
    letter = "" if channel == BY_HAND else letter_of(organisation_id, facts)
    text = kind.text(facts, letter)
    if facts["more"]:
        text = f"{text}\n\n{facts['more']}"
    made: dict[str, Any] = {"text": text, "facts": facts, "language": facts["language"]}
    if network_reason:
        made["reason"] = network_reason
    if channel == EMAIL and sender is not None:
        made["subject"] = subject(facts)
        seen = {case.pk: case.post.first_seen_at for case in cases}
        reports = [
            xarf.report(
                one, slug=facts["slug"], key=key, organisation=facts["organisation_en"],
                contact=sender.options["address"], seen_at=seen[one["case"]], now=now,
            )
            for one in facts["items"]
        ]  # fmt: skip
        made["attachments"] = [
            xarf.attachment(one, row["case"]) for one, row in zip(reports, facts["items"], strict=True)
        ]
    return made


def subject(facts: Mapping[str, Any]) -> str:
    """The subject of a mail; the number in it finds an answer that lost its thread."""
    return (
        f"【{facts['number']}】{facts['title']}"
        if facts["language"] == "ja"
        else f"[{facts['number']}] {facts['title']}"
    )


def reminder_of(facts: Mapping[str, Any], sent_at: datetime, text: str) -> str:
    """The words of a reminder: that nobody answered, and what was asked."""
    date = sent_at.astimezone(TOKYO).strftime("%Y-%m-%d")
    return f"{_REMINDER[str(facts['language'])].format(date=date)}\n\n----\n{text}"


def paper(facts: Mapping[str, Any], text: str, at: datetime) -> bytes:
    """A request as a paper."""
    return pdf("request", {**facts, "text": text}, at)


def both_reasons(case: Case, decision: Decision) -> dict[str, str]:
    """The grounds that the ticked elements make, in both languages."""
    return {language: proposed(case, decision, language) for language in ("ja", "en")}


def told(at: datetime | None) -> str:
    """A time as requests tell it."""
    return at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M JST") if at is not None else ""


def _listed(items: Sequence[Mapping[str, Any]], name: str) -> str:
    if len(items) == 1:
        return str(items[0][name])
    return "".join(f"\n({n}) {one[name]}" for n, one in enumerate(items, 1))
