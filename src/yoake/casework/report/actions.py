"""Reporting a case: a person drafts and approves it, hands it over, and writes down what came of it."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.cases.acting import locked, note, person
from yoake.casework.cases.categories import category
from yoake.casework.cases.elements import reason_in
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import standing_decision
from yoake.casework.evidence.actions import bag
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.reasons import said as reason_in_words
from yoake.casework.outbox.reasons import why_not_now
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.registers.queries import body_of, must_be_verified
from yoake.casework.report import package, said
from yoake.casework.report.models import Report
from yoake.casework.report.queries import LIVE, reason_to_stop
from yoake.casework.report.recipient import EMAIL, NEEDS
from yoake.casework.report.routing import chosen, must_provide, recipient_called
from yoake.casework.wording.checks import must_name_verified_articles
from yoake.errors import BadInput, Refused

REASON_LONGEST: Final = 2000
RECEIPT_LONGEST: Final = 60
NOTE_LONGEST: Final = 500
MEDIA: Final = ("disc", "usb", "paper", "line")  # by hand; a form and a mail are their own

State, Way, Medium, Result = OutboxItem.State, OutboxItem.Way, Report.Medium, Report.Result


def draft_report(
    actor: Actor,
    case_id: int,
    recipient: str,
    body: str,
    channel: str,
    *,
    reason: str = "",
    urgent: bool = False,
    sender_id: int | None = None,
    now: datetime | None = None,
) -> Report:
    """Writes a report down; nothing leaves before a person approved it in the outbox.

    Args:
        actor: somebody who may act.
        case_id: a case that stands in scope of a category that provides for reports.
        recipient: name on the shelf recipients/.
        body: slug of one of its bodies in the registers.
        channel: by_hand, hotline_form or email, one that the recipient takes and whose contact is confirmed.
        reason: why, in the recipient's language; as the decision says when left out.
        urgent: said on the sheet; somebody called 110 before.
        sender_id: the mailbox that writes, for a mail.
        now: the time; the clock's when left out.

    Raises:
        BadInput: something of this is missing or is none; the reason names an article that nobody verified.
        Refused: no category that holds provides for a report; nobody confirmed the contact; this body has a report about
            this case; and whatever the outbox refuses.
    """
    actor.must("act")
    now, reason = now or timezone.now(), reason.replace("\r\n", "\n").strip()
    if len(reason) > REASON_LONGEST:
        raise BadInput("reason", reason, f"at most {REASON_LONGEST} characters")
    taker = recipient_called(recipient)
    if channel not in taker.channels:
        raise BadInput("channel", channel, f"one of {', '.join(taker.channels)}")
    with transaction.atomic():
        case = locked(actor, case_id)
        decision = _standing(case)
        slug = must_provide(decision)
        listed = body_of(actor.organisation_id, body)
        contact = must_be_verified(listed, NEEDS[channel])
        candidate = chosen(actor.organisation_id, case, slug, recipient, listed)
        earlier = Report.objects.filter(case=case, organisation_id=actor.organisation_id)
        if earlier.filter(body=listed.slug, item__state__in=LIVE).exists():
            raise Refused("this body has a report about this case already; discard or take that one back first")
        number = f"{case.pk}-{earlier.count() + 1}"
        reason = reason or proposed_reason(case, decision, listed.language)
        must_name_verified_articles(category(slug), "reason", reason)
        facts = package.facts_of(
            case, decision, listed, candidate.reasons, slug=slug, number=number, channel=channel,
            reason=reason, urgent=urgent, by=User.objects.get(pk=person(actor)), now=now,
        )  # fmt: skip
        item = outbox.draft(
            actor, case.pk, OutboxItem.Kind.REPORT, channel=channel, way=Way.MAIL if channel == EMAIL else Way.HAND,
            to=_to(channel, contact, facts), body=_body(channel, facts, now), sender_id=sender_id, now=now,
        )  # fmt: skip
        report = Report.objects.create(
            item=item, organisation_id=actor.organisation_id, case=case, recipient=recipient, body=listed.slug,
            why=[one.row() for one in candidate.reasons], urgent=urgent,
        )  # fmt: skip
        note("report_drafted", actor, case, now, report=report.pk, body=listed.slug, channel=channel, urgent=urgent)
    return report


def proposed_reason(case: Case, decision: Decision, language: str) -> str:
    """Why, as the decision says; in English as its ticked elements make it, where any are ticked."""
    return reason_in(language, decision, decision.version if decision.version_id else case.post.current)


def take_package(actor: Actor, report_id: int, now: datetime | None = None) -> tuple[str, bytes]:
    """The package of an approved report: a file name and a ZIP with the cover sheet, the address, and the encrypted evidence.

    Raises Refused before it was approved, for a mail (its sheet is attached to it), while sending is stopped or the case must not
    be reported any more, and when the recipient's public key was
    withdrawn since: then the sheet promises what is not there.
    """
    actor.must("act")
    now = now or timezone.now()
    report = _mine(actor, report_id)
    item = report.item
    if item.way != Way.HAND or item.state not in (State.SENDING, State.SENT):
        raise Refused("a package is made of a report that is approved and carried out by hand")
    if "facts" not in item.body:
        raise Refused(reason_in_words("erased"))
    if why := why_not_now(item, now) or reason_to_stop(item, now):
        raise Refused(reason_in_words(why))
    facts: dict[str, Any] = item.body["facts"]
    octets = None
    if facts["attached"]:
        octets = bag(actor, report.case_id, None, facts["language"], now, body=report.body)
    made = package.packed(facts, octets, item.drafted_at)
    with transaction.atomic():
        note("report_package_taken", actor, report.case, now, report=report.pk, evidence=octets is not None)
    return f"report-{facts['number']}.zip", made


def handed_over(actor: Actor, report_id: int, medium: str, receipt: str = "", now: datetime | None = None) -> Report:
    """A person handed it over, or sent the form.

    Args:
        actor: somebody who may act.
        report_id: a report by hand that was approved.
        medium: disc, usb, paper or line (between offices); of a form always form.
        receipt: the number that the recipient gave, at most 60 characters; "" when they gave none.
        now: the time; the clock's when left out.

    Raises:
        BadInput: no such report, another medium, too long a number.
        Refused: it was not approved, or went already.
    """
    actor.must("act")
    now, receipt = now or timezone.now(), _line("receipt", receipt, RECEIPT_LONGEST)
    with transaction.atomic():
        report = _locked(actor, report_id)
        medium = Medium.FORM if report.item.channel != "by_hand" else medium
        if medium not in (Medium.FORM, *MEDIA):
            raise BadInput("medium", medium, f"one of {', '.join(MEDIA)}")
        outbox.sent_by_hand(actor, report.item_id, now=now)
        report.medium, report.receipt = medium, receipt
        report.save(update_fields=["medium", "receipt"])
        note("report_handed_over", actor, report.case, now, report=report.pk, medium=medium)
    return Report.objects.select_related("item").get(pk=report.pk)


def acknowledge(actor: Actor, report_id: int, receipt: str = "", now: datetime | None = None) -> Report:
    """They said that they have it, perhaps with a number of theirs. Raises Refused before it went, or a second time."""
    actor.must("act")
    now, receipt = now or timezone.now(), _line("receipt", receipt, RECEIPT_LONGEST)
    with transaction.atomic():
        report = _gone_out(actor, report_id)
        if report.acknowledged_at is not None:
            raise Refused("this was acknowledged already")
        report.acknowledged_at, report.acknowledged_by_id = now, person(actor)
        report.receipt = receipt or report.receipt
        report.save(update_fields=["acknowledged_at", "acknowledged_by", "receipt"])
        note("report_acknowledged", actor, report.case, now, report=report.pk)
    return report


def record_result(actor: Actor, report_id: int, result: str, words: str = "", now: datetime | None = None) -> Report:
    """What came of it, as they said; a later answer takes the place of an earlier one, and the audit has both.

    Raises BadInput for another result or too long a note, Refused before it went.
    """
    actor.must("act")
    now = now or timezone.now()
    if result not in Result.values:
        raise BadInput("result", result, f"one of {', '.join(Result.values)}")
    words = words.replace("\r\n", "\n").strip()
    if len(words) > NOTE_LONGEST:
        raise BadInput("note", words, f"at most {NOTE_LONGEST} characters")
    with transaction.atomic():
        report = _gone_out(actor, report_id)
        if report.acknowledged_at is None:  # who answers has it
            report.acknowledged_at, report.acknowledged_by_id = now, person(actor)
        report.result, report.note, report.result_at, report.result_by_id = result, words, now, person(actor)
        report.save(update_fields=["result", "note", "result_at", "result_by", "acknowledged_at", "acknowledged_by"])
        note("report_result", actor, report.case, now, report=report.pk, result=result)
    return report


def _to(channel: str, contact: str, facts: dict[str, Any]) -> dict[str, Any]:
    if channel == EMAIL:
        return {"mail": contact}
    return {NEEDS[channel]: contact, "name": facts["recipient"], "url": facts["url"]}


def _body(channel: str, facts: dict[str, Any], now: datetime) -> dict[str, Any]:
    text = said.letter(facts, facts["language"])
    if channel != EMAIL:
        return {"text": text, "facts": facts}
    sheet = base64.b64encode(package.cover(facts, now)).decode()
    title = said.subject(facts["number"], facts["category"], facts["language"], urgent=facts["urgent"])
    attachments = [{"name": package.COVER, "type": "application/pdf", "base64": sheet}]
    return {"subject": title, "text": text, "attachments": attachments, "facts": facts}


def _standing(case: Case) -> Decision:
    decision = standing_decision(list(case.decisions.select_related("version").order_by("at", "pk")))
    if decision is None or case.state == Case.State.WAITING or decision.verdict != Decision.Verdict.IN_SCOPE:
        raise Refused("only a case that stands in scope is reported; a person decides it first")
    return decision


def _mine(actor: Actor, report_id: int) -> Report:
    rows = Report.objects.filter(organisation_id=actor.organisation_id, pk=report_id)
    report = rows.select_related("item", "case", "case__post").first()
    if report is None:
        raise BadInput("report", report_id, "there is no such report in your organisation")
    return report


def _locked(actor: Actor, report_id: int) -> Report:
    """The report with its case, locked in the order everybody locks."""
    case = locked(actor, _mine(actor, report_id).case_id)
    rows = Report.objects.select_for_update(of=("self",)).select_related("item")
    report = rows.get(pk=report_id)
    report.case = case
    return report


def _gone_out(actor: Actor, report_id: int) -> Report:
    report = _locked(actor, report_id)
    if report.item.state != State.SENT:
        raise Refused("this did not go yet")
    return report


def _line(field: str, value: str, longest: int) -> str:
    value = " ".join(value.split())
    if len(value) > longest:
        raise BadInput(field, value, f"at most {longest} characters")
    return value
