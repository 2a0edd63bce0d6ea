"""Requests over a real SMTP server and answers over a mailbox on loopback; the network's own report over a server of the tests."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import default
from typing import Any

import jsonschema
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from django.test import Client
from django.utils import timezone

from tests.outbox_world import sender_on
from tests.request_world import CONTACTS, URL, again, asked, let_go, mailbox, provider, sealed_case, up, went
from tests.servers.imap import Imap, imap_server
from tests.servers.mastodon.server import TOKEN, Mastodon
from tests.servers.pds import free_port
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case, Check
from yoake.casework.due import business_days_after
from yoake.casework.outbox.actions import approve
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import withdraw
from yoake.casework.request import answers, follow_ups, queries
from yoake.casework.request.arriving import parse, take
from yoake.casework.request.models import Answer, Mailbox, Request
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.read_answers import read_answers
from yoake.pipeline.sending import send_one

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]

_CONTACT = {
    "type": "object",
    "required": ["org", "contact", "domain"],
    "properties": {
        "org": {"type": "string", "maxLength": 200},
        "contact": {"type": "string", "pattern": "^[^@]+@[^@]+$"},
        "domain": {"type": "string", "pattern": r"^[a-z0-9.-]+$"},
    },
    "additionalProperties": False,
}
# Written after the public description of X-ARF version 4 (xarf.org): core fields, category content, type fraud.
XARF = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": [
        "xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type", "url", "fraud_type",
    ],
    "properties": {
        "xarf_version": {"type": "string", "pattern": r"^4\.[0-9]+\.[0-9]+$"},
        "report_id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "reporter": _CONTACT,
        "sender": _CONTACT,
        "source_identifier": {"type": "string", "minLength": 1},
        "category": {"const": "content"},
        "type": {"const": "fraud"},
        "fraud_type": {
            "enum": [
                "investment", "romance", "tech_support", "lottery", "advance_fee", "cryptocurrency", "shopping", "charity",
                "employment", "government_impersonation", "other",
            ]
        },
        "url": {"type": "string", "pattern": "^https?://"},
        "domain": {"type": "string", "pattern": r"^[a-z0-9.-]+$"},
        "verified_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "verification_method": {"enum": ["manual", "automated_crawler", "user_report", "honeypot", "threat_intelligence"]},
        "evidence_source": {"type": "string"},
        "description": {"type": "string", "maxLength": 1000},
        "evidence": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["content_type", "payload"],
                "properties": {
                    "content_type": {"type": "string"},
                    "description": {"type": "string", "maxLength": 500},
                    "payload": {"type": "string", "pattern": "^[A-Za-z0-9+/]+=*$"},
                    "hash": {"type": "string", "pattern": "^(md5|sha1|sha256|sha512):[a-fA-F0-9]+$"},
                    "size": {"type": "integer", "minimum": 0, "maximum": 5242880},
                },
                "additionalProperties": False,
            },
        },
        "tags": {"type": "array", "maxItems": 20, "items": {"pattern": r"^[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+.-]*$"}},
    },
}  # fmt: skip


class Office:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content: Any = envelope.content
        letter = email.message_from_bytes(content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append((list(envelope.rcpt_tos), letter))
        return "250 taken"


def _known(server: SMTP, session: Session, envelope: Envelope, kind: str, told: LoginPassword) -> AuthResult:
    return AuthResult(success=(told.login, told.password) == (b"desk", b"secret"), handled=False)


@pytest.fixture
def office() -> Iterator[tuple[Office, int]]:
    taken, port = Office(), free_port()
    server = Controller(taken, hostname="127.0.0.1", port=port, authenticator=_known, auth_require_tls=False)
    server.start()
    yield taken, port
    server.stop()


@pytest.fixture
def box() -> Iterator[Imap]:
    with imap_server() as running:
        yield running


@pytest.fixture
def case(as_analyst: Actor, as_administrator: Actor, live: Source) -> Case:
    provider(as_administrator)
    return sealed_case(as_analyst, live)


@pytest.fixture
def sender(as_administrator: Actor, office: tuple[Office, int], box: Imap) -> Sender:
    return mailbox(as_administrator, office[1], box.port)


def mailed(actor: Actor, approver: Actor, sender: Sender, *cases: Case) -> list[Request]:
    """Went in one mail."""
    requests = asked(actor, *cases, channel="email", sender_id=sender.pk)
    sent = let_go(requests[0], approver)
    assert sent.item.state == "sent", (sent.item.state, sent.item.stopped_why, sent.item.problem)
    return [went(request) for request in requests]


def reply(request: Request, text: str, *, id_: str = "<a1@board.example>", **headers: str) -> bytes:
    letter = EmailMessage()
    told = {
        "From": "Abuse Desk <abuse@board.example>", "To": "desk@office.example", "Subject": "Re: お問い合わせの件",
        "Message-ID": id_, "In-Reply-To": request.item.remote_id, **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip
    for name, value in told.items():
        if value:
            letter[name] = value
    letter.set_content(text)
    return letter.as_bytes()


def test_several_items_of_one_provider_go_in_one_mail_with_an_xarf_report_each(
    as_analyst: Actor, as_supervisor: Actor, live: Source, case: Case, sender: Sender, office: tuple[Office, int]
) -> None:
    others = [sealed_case(as_analyst, live, 2), sealed_case(as_analyst, live, 3)]
    up(case)
    cases = [case, *others]
    offered = queries.together_with(as_analyst, case.pk, "example_board")
    assert {one.pk for one in offered} == {one.pk for one in others}
    requests = mailed(as_analyst, as_supervisor, sender, *cases)
    assert len({request.item_id for request in requests}) == 1
    ((to, letter),) = office[0].letters
    assert to == [CONTACTS["email"]]
    body = letter.get_body(("plain",))
    assert body is not None
    assert all(f"({n}) {URL}{n}" in body.get_content() for n in (1, 2, 3))
    reports = [json.loads(part.get_content()) for part in letter.iter_attachments()]
    assert [part.get_content_type() for part in letter.iter_attachments()] == ["application/json"] * 3
    for made in reports:
        jsonschema.validate(made, XARF, cls=jsonschema.Draft202012Validator)
    assert [made["url"] for made in reports] == [f"{URL}{n}" for n in (1, 2, 3)]
    assert reports[0]["fraud_type"] == "employment"
    assert len({made["report_id"] for made in reports}) == 3
    assert "詳しくはDMで" not in letter.as_string()
    assert all(request.answer_by is not None for request in requests)
    for one in cases:
        assert Check.objects.filter(case=one, since_what="request").exists()
    with pytest.raises(jsonschema.ValidationError):  # so that the schema proves something
        jsonschema.validate({**reports[0], "report_id": "1"}, XARF)


def test_what_is_gone_is_not_requested(
    as_analyst: Actor, as_supervisor: Actor, live: Source, case: Case, sender: Sender, office: tuple[Office, int]
) -> None:
    other = sealed_case(as_analyst, live, 2)
    up(case)
    up(other, "removed")
    (request, _other) = asked(as_analyst, case, other, channel="email", sender_id=sender.pk)
    stopped = let_go(request, as_supervisor)
    assert (stopped.item.state, stopped.item.stopped_why) == ("stopped", "gone")
    assert office[0].letters == []


def test_an_answer_is_threaded_back_and_a_person_says_what_it_means(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, case: Case, sender: Sender, box: Imap,
    office: tuple[Office, int],
) -> None:  # fmt: skip
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    box.put(b"From: friend@home.example\r\nSubject: lunch\r\nMessage-ID: <p@home.example>\r\n\r\nprivate")
    box.put(reply(request, "規約を確認のうえ、しかるべく対応いたしました。"))
    assert read_answers(timezone.now()) == 1
    (answer,) = queries.unread_answers(as_analyst)
    assert queries.unread_answers(as_outsider) == []
    assert (answer.item_id, answer.sort) == (request.item_id, "reply")
    assert answer.text == "規約を確認のうえ、しかるべく対応いたしました。"
    assert again(request).meaning == ""  # odd wording: a person reads it
    assert not Answer.objects.filter(text__contains="private").exists()
    assert "BODY.PEEK" in " ".join(box.said)

    with pytest.raises(BadInput, match="no such mail"):
        answers.say_meaning(as_analyst, request.pk, "removed", 99_999)
    answers.say_meaning(as_analyst, request.pk, "asks_back", answer.pk)
    assert queries.unread_answers(as_analyst) == []
    back = answers.draft_answer(as_analyst, answer.pk, "該当の投稿は上記のURLのものです。")
    from yoake.pipeline.duties.send import send

    approve(as_supervisor, back.pk, back.bound)
    due = OutboxItem.objects.get(pk=back.pk).due_at
    assert due is not None
    send(due + timedelta(minutes=1))
    (_first, (to, letter)) = office[0].letters
    assert to == ["abuse@board.example"]
    assert letter["In-Reply-To"] == "<a1@board.example>"

    box.put(reply(request, "削除しました。", id_="<a2@board.example>", In_Reply_To=str(letter["Message-ID"])))
    assert read_answers(timezone.now() + timedelta(minutes=5)) == 1
    (second,) = queries.unread_answers(as_analyst)
    assert second.item_id == request.item_id  # through what we wrote back
    answers.say_meaning(as_analyst, request.pk, "removed", second.pk)
    assert queries.stands(again(request)) == "answered"
    assert read_answers(timezone.now() + timedelta(minutes=9)) == 0  # nothing is taken twice
    assert Answer.objects.count() == 2


def test_an_answer_goes_to_no_address_that_was_withdrawn(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, case: Case, sender: Sender, box: Imap,
    office: tuple[Office, int],
) -> None:  # fmt: skip
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    box.put(reply(request, "確認いたします。"))
    read_answers(timezone.now())
    (answer,) = queries.unread_answers(as_analyst)
    back = answers.draft_answer(as_analyst, answer.pk, "よろしくお願いします。")
    approve(as_supervisor, back.pk, back.bound)
    withdraw(as_administrator, request.body, "email")  # it was a stranger's
    send_one(timezone.now() + timedelta(minutes=5))
    back.refresh_from_db()
    assert (back.state, back.stopped_why) == ("stopped", "unconfirmed")
    assert len(office[0].letters) == 1


def test_a_bounce_finds_its_request_and_a_person_sees_it(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, box: Imap
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"], report["To"], report["Subject"] = (
        "MAILER-DAEMON@office.example",
        "desk@office.example",
        "Undelivered",
    )
    report["Message-ID"] = "<b1@office.example>"
    report.attach(MIMEText("The mail could not be delivered."))
    status = MIMEMultipart()
    status.set_type("message/delivery-status")
    head, recipient = email.message.Message(), email.message.Message()
    head["Reporting-MTA"] = "dns; office.example"
    recipient["Final-Recipient"], recipient["Action"], recipient["Status"] = (
        "rfc822; abuse@board.example",
        "failed",
        "5.1.1",
    )
    status.set_payload([head, recipient])
    report.attach(status)
    original = email.message.Message()
    original["Message-ID"] = request.item.remote_id
    report.attach(MIMEMessage(original))
    box.put(report.as_bytes())
    assert read_answers(timezone.now()) == 1
    (answer,) = queries.unread_answers(as_analyst)
    assert (answer.sort, answer.status, answer.item_id) == ("bounce", "5.1.1", request.item_id)
    answers.say_meaning(as_analyst, request.pk, "bounced", answer.pk)
    assert again(request).ended_at is not None
    asked(as_analyst, case, channel="web_form")  # by another way


def test_an_answer_without_its_thread(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, box: Imap
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    number = request.item.body["facts"]["number"]
    box.put(reply(request, "対応不可", In_Reply_To="", id_="<n1@x.example>", Subject=f"RE: 【{number}】の件"))
    box.put(reply(request, "別件", In_Reply_To="", id_="<n2@x.example>", Subject="ご連絡"))
    box.put(
        reply(
            request, "偽", In_Reply_To="", id_="<n3@x.example>", Subject=f"【{number}】", From="somebody@else.example"
        )
    )
    assert read_answers(timezone.now()) == 2  # anybody could write a number: a stranger's is not taken
    by_number, unknown = queries.unread_answers(as_analyst)
    assert by_number.item_id == request.item_id
    assert (unknown.item_id, unknown.body) == (None, "example_board")
    with pytest.raises(Refused, match="belongs to a request already"):
        answers.attach_answer(as_analyst, by_number.pk, request.pk)
    answers.attach_answer(as_analyst, unknown.pk, request.pk)
    aside = answers.set_aside(as_analyst, unknown.pk)
    assert aside.text == ""
    with pytest.raises(Refused, match="read this already"):
        answers.set_aside(as_analyst, unknown.pk)


def test_an_answer_to_what_may_have_gone_and_to_a_correction_finds_its_request(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, box: Imap
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    ours, elsewhere = request.item.remote_id, "ticket@desk.example"
    assert ours.startswith(f"<{request.item.key}@")
    OutboxItem.objects.filter(pk=request.item_id).update(state="failed", stopped_why="uncertain", remote_id="")
    correction = OutboxItem.objects.create(
        organisation_id=request.organisation_id, case=case, post=case.post, kind="correction", channel="email", way="mail",
        sender=sender, key="c" * 32, bound="0", drafted_by_id=as_analyst.user_id, drafted_at=timezone.now(), state="sent",
        remote_id="<c@office.example>", corrects_id=request.item_id,
    )  # fmt: skip
    box.put(reply(request, "受け付けました", In_Reply_To=ours, id_="<u1@desk.example>", From=elsewhere))
    box.put(reply(request, "戻しました", In_Reply_To=correction.remote_id, id_="<u2@desk.example>", From=elsewhere))
    assert read_answers(timezone.now()) == 2
    assert {one.item_id for one in queries.unread_answers(as_analyst)} == {request.item_id}


def test_a_mail_that_no_program_can_read_waits_for_a_person(
    as_analyst: Actor, analyst: User, sender: Sender, box: Imap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(octets: bytes) -> Any:
        raise IndexError("秘密")

    box.put(b"From: a@board.example\r\n\r\n\x00")
    monkeypatch.setattr("yoake.casework.request.arriving.parse", unreadable)
    now = timezone.now()
    assert read_answers(now) == 1
    assert read_answers(now + timedelta(minutes=5)) == 0
    (mail,) = queries.unread_answers(as_analyst)
    assert (mail.text, mail.subject, mail.from_address) == ("", "", "")
    assert Mailbox.objects.get().problem == ""
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(analyst)
    assert "No program can read this mail" in browser.get("/requests/").content.decode()
    browser.post(f"/requests/mail/{mail.pk}/", {"act": "aside"})
    assert queries.unread_answers(as_analyst) == []


def test_a_reminder_goes_in_the_same_thread_and_a_supervisor_is_asked_after_it(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, office: tuple[Office, int]
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    with pytest.raises(Refused, match="not over yet"):
        follow_ups.draft_reminder(as_analyst, request.pk)
    assert request.answer_by is not None
    went(request, request.answer_by)
    reminded = follow_ups.draft_reminder(as_analyst, request.pk)
    with pytest.raises(Refused, match="already"):
        follow_ups.draft_reminder(as_analyst, request.pk)
    from yoake.pipeline.duties.send import send

    assert reminded.reminder is not None
    assert queries.stands(again(request)) == "draft"
    approve(as_supervisor, reminded.reminder_id or 0, reminded.reminder.bound)
    up(case)
    send(timezone.now() + timedelta(seconds=50))
    (_first, (_to, letter)) = office[0].letters
    assert letter["In-Reply-To"] == request.item.remote_id
    body = letter.get_body(("plain",))
    assert body is not None
    assert "ご回答を確認できておりません" in body.get_content()
    after = went(request)
    assert after.reminded_at is not None
    assert after.answer_by == business_days_after(after.reminded_at, 5)
    went(request, after.answer_by)
    assert queries.stands(again(request)) == "escalated"


def test_a_mailbox_that_is_away_is_tried_again_and_one_that_says_no_pauses_its_sender(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, box: Imap
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    now = timezone.now()
    box.put(reply(request, "削除しました。"))
    box.broken = True
    assert read_answers(now) == 0
    row = Mailbox.objects.get()
    assert row.problem
    assert row.due_at is not None
    box.broken, box.validity = False, 8  # the server was set up anew meanwhile
    assert read_answers(row.due_at) == 1
    box.password = "another"
    assert read_answers(now + timedelta(hours=2)) == 0
    sender.refresh_from_db()
    assert (sender.state, sender.paused_why) == ("paused", "unauthorised")
    assert Answer.objects.count() == 1
    assert Entry.objects.filter(kind="answer_arrived").count() == 1


def test_a_line_that_breaks_off_keeps_what_was_read_before(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, box: Imap
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    for n in (1, 2, 3):
        box.put(reply(request, f"{n}通目", id_=f"<k{n}@board.example>"))
    box.broken, box.broken_from = True, 3
    read_answers(timezone.now())
    assert [one.text for one in queries.unread_answers(as_analyst)] == ["1通目", "2通目"]
    row = Mailbox.objects.get()
    assert row.last_uid == 2
    assert row.problem
    box.broken, box.said = False, []
    assert row.due_at is not None
    assert read_answers(row.due_at) == 1
    fetched = [line for line in box.said if "FETCH" in line]
    assert len(fetched) == 1
    assert "<0.1000000>" in fetched[0]  # never a whole mail with its attachments


def test_to_whom_is_written_back_a_person_types_unless_it_is_the_confirmed_address(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender, box: Imap
) -> None:
    (request,) = mailed(as_analyst, as_supervisor, sender, case)
    box.put(reply(request, "どの投稿ですか。", id_="<c1@board.example>", From="Abuse@Board.example"))
    box.put(reply(request, "どの投稿ですか。", id_="<c2@board.example>", From="stranger@board.example"))
    read_answers(timezone.now())
    confirmed, stranger = queries.unread_answers(as_analyst)
    made = answers.draft_answer(as_analyst, confirmed.pk, "上記のURLです。")
    assert made.to == {"mail": "abuse@board.example"}
    with pytest.raises(BadInput, match="address to write to"):
        answers.draft_answer(as_analyst, stranger.pk, "上記のURLです。")
    with pytest.raises(BadInput, match="mail address"):
        answers.draft_answer(as_analyst, stranger.pk, "上記のURLです。", "nobody")
    made = answers.draft_answer(as_analyst, stranger.pk, "上記のURLです。", " legal@board.example ")
    assert made.to == {"mail": "legal@board.example"}
    with pytest.raises(BadInput, match="article"):
        answers.draft_answer(as_analyst, confirmed.pk, "職業安定法第99条に当たるおそれがあります。")


def test_a_mailbox_that_nobody_foresaw_holds_up_no_other(
    as_administrator: Actor, office: tuple[Office, int], box: Imap, sender: Sender, mishaps: list[str]
) -> None:
    odd = {**sender.options, "imap_port": 993}  # as no form writes it
    Sender.objects.filter(pk=sender.pk).update(name="電話帳", options=odd)
    with imap_server() as other:
        second = mailbox(as_administrator, office[1], other.port)
        other.put(b"From: a@board.example\r\nMessage-ID: <1@board.example>\r\n\r\nx", 2**63)
        now = timezone.now()
        assert read_answers(now) == 0
        said = {row.sender_id: row.problem for row in Mailbox.objects.all()}
        assert said[sender.pk] == "TypeError"
        assert "broke off" in said[second.pk]
        assert all(row.due_at is not None and row.due_at > now for row in Mailbox.objects.all())
        (line,) = mishaps
        assert line.startswith("mailbox ")
        mishaps.clear()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00\xff\xfe",
        b"From: \xff\xff\r\nSubject: =?utf-8?B?////?=\r\nMessage-ID: <<>>\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\x83\x65",
        b"Content-Type: text/plain; charset=idna\r\n\r\n\x83\x65",
        b"Content-Type: text/plain; charset=undefined\r\n\r\nx",
        b"Content-Type: text/html\r\nIn-Reply-To: <" + b"a" * 5000 + b">\r\n\r\n<p>" + b"x" * 50_000,
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed",
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes_and_belongs_to_nobody(sender: Sender, octets: bytes) -> None:
    mail = parse(octets)
    assert len(mail.text) <= 20_000
    assert take(sender, mail, timezone.now()) is None


def test_the_networks_own_report(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    provider(as_administrator)
    with Mastodon() as server:
        server.now = timezone.now()
        server.account_of[TOKEN] = server.account("keisatsu", display="架空県警察")
        ident = server.post(server.account("aite", host="toku.example"), "高額バイト")
        uri = server.uri(ident)
        case = sealed_case(as_analyst, live, network="fediverse", native_id=uri, url=uri)
        sender = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN})
        with pytest.raises(BadInput, match="network_reason"):
            asked(as_analyst, case, channel="network", sender_id=sender.pk)
        reasons = queries.network_reasons(queries.network_channel("fediverse"))
        (request,) = asked(as_analyst, case, channel="network", sender_id=sender.pk, network_reason=reasons[0])
        sent = let_go(request, as_supervisor)
        assert sent.item.state == "sent", (sent.item.stopped_why, sent.item.problem)
        assert len(server.reports) == 1
    assert went(request).started_at is not None
