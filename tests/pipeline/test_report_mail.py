"""A report by mail, over a real SMTP server on loopback: the cover sheet goes, the evidence does not."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.outbox_world import decided, sender_on
from tests.report_world import CONTACTS, confirmed, drafted, ready, with_key
from tests.servers.pds import free_port
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import withdraw
from yoake.casework.report.queries import stands
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content: Any = envelope.content
        letter = email.message_from_bytes(content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append((list(envelope.rcpt_tos), letter))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    taken = Mailbox()
    port = free_port()
    server = Controller(taken, hostname="127.0.0.1", port=port)
    server.start()
    yield taken, port
    server.stop()


def test_a_report_arrives_once_with_its_sheet_alone(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source, mailbox: tuple[Mailbox, int]
) -> None:
    taken, port = mailbox
    confirmed(as_administrator, "police_osaka")
    with_key(as_administrator, "police_osaka")
    given = {"address": "desk@office.example", "host": "127.0.0.1", "port": str(port), "security": "none"}
    sender = sender_on(as_administrator, "email", given)
    case = decided(as_analyst, live, text="大阪で高額バイト 詳しくはDMで", url="https://social.example/1")
    draft = drafted(as_analyst, case.pk, channel="email", sender_id=sender.pk, reason="仕事の内容が示されていない。")
    report = ready(draft, as_supervisor)
    assert report.item.state == "sent", report.item.problem
    assert stands(report) == "sent"
    ((to, letter),) = taken.letters
    assert to == [CONTACTS["email"]]
    assert letter["Subject"] == f"【通報 {case.pk}-1】「犯罪実行者の募集」に当たるおそれのある投稿について"
    body = letter.get_body(("plain",))
    assert body is not None
    assert "仕事の内容が示されていない。" in body.get_content()
    assert "https://social.example/1" in body.get_content()
    (sheet,) = letter.iter_attachments()
    assert sheet.get_filename() == "cover.pdf"
    assert sheet.get_content().startswith(b"%PDF-")
    assert "詳しくはDMで" not in letter.as_string()


def test_an_address_that_was_withdrawn_gets_nothing(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source, mailbox: tuple[Mailbox, int]
) -> None:
    taken, port = mailbox
    confirmed(as_administrator, "police_osaka")
    given = {"address": "desk@office.example", "host": "127.0.0.1", "port": str(port), "security": "none"}
    sender = sender_on(as_administrator, "email", given)
    draft = drafted(as_analyst, decided(as_analyst, live, text="大阪").pk, channel="email", sender_id=sender.pk)
    withdraw(as_administrator, "police_osaka", "email")
    confirmed(as_administrator, "police_osaka", email="other@recipient.example")
    report = ready(draft, as_supervisor)
    assert (report.item.state, report.item.stopped_why) == ("stopped", "unconfirmed")
    assert taken.letters == []
