"""Mail that comes back: told apart, threaded to what was sent, kept until a person says what it means.

Only what belongs to a request is kept: by In-Reply-To or References (RFC 5322), by the original message in a report of
non-delivery (RFC 3462, 3464), by the number in the subject, or from a confirmed address of a provider that was written to.
All else in the mailbox is private and stays there.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage, Message
from email.utils import getaddresses
from hashlib import sha256
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q

from yoake.casework.audit.actions import record
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.registers.models import Contact
from yoake.casework.request.models import Answer, Request
from yoake.collect.clean import storable
from yoake.collect.fediverse import text_of_html

TEXT_LONGEST: Final = 20_000
_LINE_LONGEST: Final = 300
_IDS_MOST: Final = 100
_ID: Final = re.compile(r"<[^<>\s]{3,400}>")
_OURS: Final = re.compile(r"<([0-9a-f]{32})@[^<>@\s]+>")
_NUMBER: Final = re.compile(r"\bYR-(\d{1,12})-(\d{1,4})\b")
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
State = OutboxItem.State


@dataclass(frozen=True)
class Mail:
    """A mail as far as it is read."""

    message_id: str
    answers: tuple[str, ...]  # Message-IDs it names as what it answers, the nearest first
    references: str
    from_address: str
    subject: str
    text: str
    attachments: int
    sort: str
    status: str  # of a bounce
    key: str


def parse(octets: bytes) -> Mail:
    """A mail from its octets; what is broken in it is left out, never a reason to fail."""
    letter = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(letter, EmailMessage)
    bounce, status, about = _bounce(letter)
    message_id = next(iter(_ids(_header(letter, "Message-ID"))), "")
    references = _header(letter, "References")
    near = [*_ids(_header(letter, "In-Reply-To")), *reversed(_ids(references))]
    text, attachments = _words(letter)
    automatic = _header(letter, "Auto-Submitted").lower() not in ("", "no")
    sort = Answer.Sort.BOUNCE if bounce else Answer.Sort.AUTOMATIC if automatic else Answer.Sort.REPLY
    return Mail(
        message_id=message_id,
        answers=tuple(dict.fromkeys([*about, *near]))[:_IDS_MOST],
        references=_clean(references)[:4000],
        from_address=_from(letter),
        subject=_clean(_header(letter, "Subject"))[:_LINE_LONGEST],
        text=text,
        attachments=attachments,
        sort=str(sort),
        status=status,
        key=sha256((message_id or "").encode() or octets).hexdigest(),
    )


def take(sender: Sender, mail: Mail, now: datetime) -> Answer | None:
    """Keeps a mail that came into the mailbox of `sender`, once; None for what belongs to no request."""
    if Answer.objects.filter(organisation_id=sender.organisation_id, mail_key=mail.key).exists():
        return None
    item, body = _thread(sender, mail)
    if item is None and not body:
        return None
    try:
        with transaction.atomic():
            answer = Answer.objects.create(
                organisation_id=sender.organisation_id, sender=sender, item=item, body=body, sort=mail.sort,
                status=mail.status, mail_key=mail.key, message_id=mail.message_id[:500], references=mail.references,
                from_address=mail.from_address, subject=mail.subject, text=mail.text, attachments=mail.attachments, at=now,
            )  # fmt: skip
            subject = f"case:{item.case_id}" if item is not None and item.case_id else f"answer:{answer.pk}"
            record("answer_arrived", actor="worker", organisation=sender.organisation_id, subject=subject, at=now, answer=answer.pk, sort=mail.sort)  # fmt: skip
    except IntegrityError:  # two workers read the same mail
        return None
    return answer


def keep_unreadable(sender: Sender, octets: bytes, now: datetime) -> Answer | None:
    """That a mail came which no program can read, so that somebody looks into the mailbox: once, and nothing of it is kept."""
    key = sha256(octets).hexdigest()
    answer, new = Answer.objects.get_or_create(
        organisation_id=sender.organisation_id, mail_key=key, defaults={"sender": sender, "at": now}
    )
    return answer if new else None


def _thread(sender: Sender, mail: Mail) -> tuple[OutboxItem | None, str]:
    """What a mail answers, and which provider it is from."""
    sent = OutboxItem.objects.filter(organisation_id=sender.organisation_id, way=OutboxItem.Way.MAIL)
    sent = sent.filter(kind__in=(OutboxItem.Kind.REQUEST, OutboxItem.Kind.ANSWER, OutboxItem.Kind.CORRECTION))
    # Of a mail that may have gone nobody wrote down the id; its key is in it all the same (`channels/email.py`).
    keys = {named: made[1] for named in mail.answers if (made := _OURS.fullmatch(named))}
    ours = list(sent.filter(Q(remote_id__in=mail.answers) | Q(key__in=set(keys.values()))))
    by_id, by_key = {item.remote_id: item for item in ours}, {item.key: item for item in ours}
    for named in mail.answers:
        if item := by_id.get(named) or by_key.get(keys.get(named, "")):
            return _of_item(item)
    body = _provider(sender.organisation_id, mail.from_address)
    for case_id, _n in _NUMBER.findall(mail.subject) if body else ():  # anybody could write a number
        rows = Request.objects.filter(organisation_id=sender.organisation_id, case_id=int(case_id), body=body)
        for row in rows.filter(item__state=State.SENT).select_related("item").order_by("-pk"):
            facts = row.item.body.get("facts") or {}
            if str(facts.get("number", "")) in mail.subject:
                return row.item, body
    return None, body


def _of_item(item: OutboxItem) -> tuple[OutboxItem, str]:
    """The request's own item: an answer to our reminder, or to what we wrote back, is about what was asked."""
    asked_by = item.corrects_id if item.kind == OutboxItem.Kind.CORRECTION else item.pk
    row = (
        Request.objects.filter(item=asked_by).select_related("item").first()
        or Request.objects.filter(reminder=asked_by).select_related("item").first()
    )
    if row is not None:
        return row.item, row.body
    if item.kind == OutboxItem.Kind.ANSWER and isinstance(about := item.body.get("about"), int):
        asked = Request.objects.filter(item=about, organisation_id=item.organisation_id).select_related("item").first()
        if asked is not None:
            return asked.item, asked.body
    return item, ""


def _provider(organisation_id: int, address: str) -> str:
    """The provider whose confirmed address it is, if anything was ever asked of it; "" for everybody else."""
    contacts = Contact.objects.filter(organisation_id=organisation_id, way=Contact.Way.EMAIL, withdrawn_at=None)
    slugs = contacts.exclude(confirmed_at=None).filter(value__iexact=address).values_list("body", flat=True)
    asked = Request.objects.filter(organisation_id=organisation_id, body__in=list(slugs)).values_list("body", flat=True)
    return asked.order_by("-pk").first() or ""


def _bounce(letter: EmailMessage) -> tuple[bool, str, list[str]]:
    """Whether it says that a mail could not be delivered, its status code, and which mail that was."""
    status, about, found = "", list[str](), False
    for part in _parts(letter):
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            said = "\n".join(str(block) for block in _payload(part))
            action = re.search(r"^Action:\s*(\w+)", said, re.MULTILINE | re.IGNORECASE)
            found |= action is not None and action[1].lower() in ("failed", "delayed")
            seen = re.search(r"^Status:.*", said, re.MULTILINE | re.IGNORECASE)
            status = (_STATUS.search(seen[0]) or [""])[0] if seen else status
        elif found and kind in ("message/rfc822", "text/rfc822-headers"):
            inner = "\n".join(str(block) for block in _payload(part)) or _text_of(part)
            about += _ids(next(iter(re.findall(r"^Message-ID:\s*(.+)$", inner, re.MULTILINE | re.IGNORECASE)), ""))
    return found, status, about


def _payload(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _parts(letter: EmailMessage) -> Iterator[EmailMessage]:
    for n, part in enumerate(letter.walk()):
        if n >= _IDS_MOST:
            return
        if isinstance(part, EmailMessage):
            yield part


def _words(letter: EmailMessage) -> tuple[str, int]:
    """The plain words, and how many attachments it had."""
    found, others = "", 0
    for part in _parts(letter):
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.is_attachment() or kind not in ("text/plain", "text/html"):
            others += kind != "message/delivery-status"
        elif not found:
            text = _text_of(part)
            found = text_of_html(text, []) if kind == "text/html" else text
    return _clean(found.replace("\r\n", "\n").strip())[:TEXT_LONGEST], others


def _text_of(part: Message) -> str:
    """What a part says; an encoding that nobody knows is read as UTF-8."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):  # also UnicodeError: `idna` and `undefined` are encodings by name only
        return payload.decode("utf-8", "replace")


def _header(letter: EmailMessage, name: str) -> str:
    """A header's words; "" for none, or for one that cannot be read."""
    try:
        return str(letter.get(name, ""))
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser of the standard library on broken headers
        return ""


def _from(letter: EmailMessage) -> str:
    pairs = getaddresses([_header(letter, "From")])
    return _clean(pairs[0][1])[:_LINE_LONGEST] if pairs else ""


def _ids(header: str) -> list[str]:
    return _ID.findall(header)[:_IDS_MOST]


def _clean(text: str) -> str:
    return storable(text, [])
