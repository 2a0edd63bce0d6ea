"""Channels against servers on loopback: what one says really stands there, is found by its key or words, and is taken back."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler
from typing import Any

import mastodon
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.collect.conftest import certified
from tests.collect.loopback import http_server, respond
from tests.servers.mastodon.server import TOKEN, Mastodon
from tests.servers.misskey.server import WRITER, WRITES, Misskey
from tests.servers.pds import Pds, PdsError, free_port
from tests.servers.x.server import X
from yoake.casework.outbox.channel import Answered, Message, NotGone, SaidBefore, SenderDenied, Speaker
from yoake.casework.outbox.channels.bluesky import Bluesky
from yoake.casework.outbox.channels.email import Email, message_id
from yoake.casework.outbox.channels.mastodon import Mastodon as MastodonChannel
from yoake.casework.outbox.channels.misskey import Misskey as MisskeyChannel
from yoake.casework.outbox.channels.x import X as XChannel
from yoake.casework.outbox.talking import record_key, same_words, secure
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater

__all__ = ["certified"]
NET = Net(allow_private=True)
WORDS = "この投稿は犯罪の募集の可能性があります。#9110\n相談: https://soudan.example/jp"


def message(to: dict[str, str], text: str = WORDS, key: str = "k1", **more: Any) -> Message:
    now = datetime.now(UTC)
    body = {"text": text, **more.pop("body", {})}
    return Message(key, now - timedelta(hours=2), now, to, body, **more)


def test_keys_of_records_are_valid_and_the_same_for_every_attempt() -> None:
    made = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    one = Message("k1", made, made, {}, {})
    again = Message("k1", made, made + timedelta(days=2), {}, {})
    keys = {record_key(Message(f"k{n}", made, made, {}, {})) for n in range(500)}
    assert record_key(one) == record_key(again)
    assert len(keys) == 500
    # as the specification of record keys (atproto.com/specs/tid) says what one looks like
    assert all(re.fullmatch("[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}", key) for key in keys)
    early = Message("k1", made - timedelta(days=1), made, {}, {})
    assert record_key(early) < record_key(one)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("注意です https://a.example/b です", "@aite 注意です https://t.co/xyz です"),
        ("A &amp; B", "A & B"),
        ("一行\n二行", "@aite@b.example 一行 二行"),
    ],
)
def test_words_are_known_again_as_a_network_shows_them(said: str, shown: str) -> None:
    assert same_words(said, shown)
    assert not same_words(said, f"{shown} もう一つ")


# --- Bluesky -----------------------------------------------------------------------------------------------------------


def on_pds(pds: Pds, **options: str) -> tuple[Speaker, Any]:
    pds.start()
    writer = pds.writer()
    given = {"service": pds.url, "handle": writer.handle, "view": pds.url, "moderation": "", "chat": "", **options}
    speaker = Speaker(1, given, {"password": "only-for-tests"})
    who = Bluesky().who(speaker, NET)
    assert (who.remote_id, who.handle) == (writer.did, writer.handle)
    return Speaker(1, given, speaker.secrets, who.remote_id, who.handle), writer


@pytest.mark.server
def test_bluesky_a_reply_stands_there_once_whatever_happens(pds: Pds) -> None:
    speaker, writer = on_pds(pds)
    author = pds.writer()
    root = author.post("求人")
    post = author.post("高額バイト 詳しくはDMで", reply_to=root)
    told = message({"post": post.uri, "author": author.did})
    channel = Bluesky()
    assert channel.find(told, speaker, NET) is None
    receipt = channel.reply(told, speaker, NET)
    assert channel.reply(told, speaker, NET) == receipt  # a second one meets the first
    assert channel.find(told, speaker, NET) == receipt
    record = pds.record(receipt.remote_id)["value"]
    assert record["text"] == WORDS
    assert (record["reply"]["root"]["uri"], record["reply"]["parent"]["uri"]) == (root.uri, post.uri)
    (facet,) = record["facets"]
    place = facet["index"]
    assert WORDS.encode()[place["byteStart"] : place["byteEnd"]].decode() == "https://soudan.example/jp"
    listed = pds.call("com.atproto.repo.listRecords", params={"repo": writer.did, "collection": "app.bsky.feed.post"})
    assert len(listed["records"]) == 1
    channel.delete(receipt.remote_id, speaker, NET)
    channel.delete(receipt.remote_id, speaker, NET)
    assert channel.find(told, speaker, NET) is None
    with pytest.raises(PdsError):
        pds.record(receipt.remote_id)


@pytest.mark.server
def test_bluesky_posts_that_are_gone_and_accounts_that_were_taken_down(pds: Pds) -> None:
    speaker, writer = on_pds(pds)
    author = pds.writer()
    post = author.post("高額バイト")
    author.delete(post.uri)
    with pytest.raises((Refused, TryLater)) as refused:
        Bluesky().reply(message({"post": post.uri}), speaker, NET)
    assert not isinstance(refused.value, SenderDenied)
    with pytest.raises(Refused, match="address"):
        Bluesky().reply(message({"post": "https://bsky.app/profile/x"}), speaker, NET)
    pds.takedown(writer.did)
    with pytest.raises(SenderDenied) as denied:
        Bluesky().reply(message({"post": author.post("別の求人").uri}), speaker, NET)
    assert denied.value.why == "frozen"
    with pytest.raises(SenderDenied) as denied:
        Bluesky().who(speaker, NET)
    assert denied.value.why == "frozen"
    wrong = Speaker(2, speaker.options, {"password": "another"})
    with pytest.raises(SenderDenied):
        Bluesky().who(wrong, NET)


# --- Mastodon ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mastodon_server() -> Iterator[Mastodon]:
    with Mastodon() as running:
        running.now = datetime.now(UTC)
        running.account_of[TOKEN] = running.account("keisatsu", display="架空県警察")
        yield running


def test_mastodon_reply_find_replies_delete(mastodon_server: Mastodon) -> None:
    server, channel = mastodon_server, MastodonChannel()
    speaker = Speaker(1, {"server": server.url}, {"token": TOKEN})
    who = channel.who(speaker, NET)
    assert who.handle.startswith("keisatsu@")
    speaker = Speaker(1, {"server": server.url}, {"token": TOKEN}, who.remote_id, who.handle)
    author = server.account("aite", host="toku.example")
    posts = [server.post(author, "高額バイト"), server.post(author, "高額バイト 2")]
    one, two = (message({"post": server.uri(ident), "handle": "aite@toku.example"}, key=f"k{ident}") for ident in posts)
    assert channel.find(one, speaker, NET) is None
    receipt = channel.reply(one, speaker, NET)
    assert channel.reply(one, speaker, NET) == receipt  # the Idempotency-Key
    assert channel.find(one, speaker, NET) == receipt
    assert channel.find(two, speaker, NET) is None  # the same words, under another post
    written = server.statuses[receipt.remote_id]
    assert (written["in_reply_to_id"], written["visibility"], written["language"]) == (posts[0], "public", "ja")
    server.post(author, "なんで?", reply_to=posts[0])
    answered = channel.replies_to(one, speaker, NET)
    assert [person.handle for person in answered] == [who.handle, "aite@toku.example"]
    channel.delete(receipt.remote_id, speaker, NET)
    channel.delete(receipt.remote_id, speaker, NET)
    assert channel.find(one, speaker, NET) is None
    server.delete(posts[0])
    with pytest.raises(Refused, match="gone"):
        channel.reply(one, speaker, NET)


def test_mastodon_finds_what_it_said_far_back_and_not_what_was_said_before(mastodon_server: Mastodon) -> None:
    server, channel = mastodon_server, MastodonChannel()
    own = next(iter(server.accounts))
    speaker = Speaker(1, {"server": server.url}, {"token": TOKEN}, own, "keisatsu")
    ident = server.post(server.account("aite"), "高額バイト")
    to = {"post": server.uri(ident), "handle": "aite"}
    said = server.post(own, f"@aite {WORDS}", reply_to=ident)
    for n in range(95):
        server.post(own, f"別の返信 {n}")
    found = channel.find(message(to), speaker, NET)
    assert found is not None
    assert found.remote_id == said
    assert channel.find(message(to, taken=frozenset({said})), speaker, NET) is None  # that one is another item's
    late = Message("k", datetime.now(UTC), datetime.now(UTC) + timedelta(hours=3), to, {"text": WORDS})
    assert channel.find(late, speaker, NET) is None


def test_mastodon_private_messages_are_seen_by_those_they_are_for_alone(mastodon_server: Mastodon) -> None:
    server, channel = mastodon_server, MastodonChannel()
    own = next(iter(server.accounts))
    speaker = Speaker(1, {"server": server.url}, {"token": TOKEN}, own, "keisatsu")
    server.account("aite")
    told = message({"author": "x", "handle": "aite"})
    receipt = channel.message(told, speaker, NET)
    assert server.statuses[receipt.remote_id]["visibility"] == "direct"
    assert channel.find_message(told, speaker, NET) == receipt
    stranger = mastodon.Mastodon(api_base_url=server.url, version_check_mode="none")
    assert stranger.account_statuses(own) == []


def test_mastodon_mentions_handles_alone_and_deletes_its_own_ids_alone(mastodon_server: Mastodon) -> None:
    speaker = Speaker(1, {"server": mastodon_server.url}, {"token": TOKEN}, "1", "keisatsu")
    author = mastodon_server.account("aite")
    uri = mastodon_server.uri(mastodon_server.post(author, "高額バイト"))
    for handle in ("aite 詐欺だ", "aite@b.example @third", "a@b@c", "aite\nx", "@"):
        with pytest.raises(Refused, match="handle"):
            MastodonChannel().reply(message({"post": uri, "handle": f"@{handle}"}), speaker, NET)
    assert len(mastodon_server.statuses) == 1
    for wrong in ("https://elsewhere.example/1", "", "../1"):
        with pytest.raises(Refused, match="not the id"):
            MastodonChannel().delete(wrong, speaker, NET)
        with pytest.raises(Refused, match="not the id"):
            MisskeyChannel().delete(wrong, Speaker(1, {"server": mastodon_server.url}, {"token": "t"}), NET)


def test_passwords_travel_encrypted_or_within_ones_own_network() -> None:
    assert secure(" https://server.example/ ", Net()) == "https://server.example"
    assert secure("http://127.0.0.1:8080", NET) == "http://127.0.0.1:8080"
    for address, net in (
        ("http://127.0.0.1:8080", Net()),
        ("http://8.8.8.8", NET),
        ("ftp://127.0.0.1", NET),
        ("server.example", NET),
        ("https://", NET),
    ):
        with pytest.raises(Refused, match="https"):
            secure(address, net)


def test_whom_others_may_take_for_an_official_account_no_stranger_decides() -> None:
    own = {"remote_id": "did:plc:a", "handle": "keisatsu.example"}
    assert Bluesky().surely(Speaker(1, {"service": "https://bsky.social"}, {}, **own)) == set(own.values())
    assert Bluesky().surely(Speaker(1, {"service": "https://pds.example"}, {}, **own)) == set()
    assert XChannel().surely(Speaker(1, {"api": "https://api.x.com"}, {}, "7", "keisatsu")) == {"7", "keisatsu"}
    assert XChannel().surely(Speaker(1, {"api": "https://x.example"}, {}, "7", "keisatsu")) == set()
    for channel in (MastodonChannel(), MisskeyChannel()):
        assert channel.surely(Speaker(1, {}, {}, "7", "keisatsu@a.example")) == {"keisatsu@a.example"}
        assert channel.surely(Speaker(1, {}, {}, "7", "keisatsu@a.example@b.example")) == set()


def test_mastodon_says_why_it_does_not_let_a_sender_speak(mastodon_server: Mastodon) -> None:
    server, channel = mastodon_server, MastodonChannel()
    server.tokens["narrow"] = "read"
    narrow = Speaker(1, {"server": server.url}, {"token": "narrow"}, "1", "k")
    ident = server.post(server.account("aite"), "高額バイト")
    with pytest.raises(SenderDenied, match="scope") as denied:
        channel.reply(message({"post": server.uri(ident)}), narrow, NET)
    assert denied.value.why == "unauthorised"
    with pytest.raises(SenderDenied) as denied:
        channel.who(Speaker(1, {"server": server.url}, {"token": "gone"}), NET)
    assert denied.value.why == "unauthorised"


def test_the_mastodon_server_of_the_tests_says_what_an_independent_client_expects(mastodon_server: Mastodon) -> None:
    server = mastodon_server
    client = mastodon.Mastodon(
        access_token=TOKEN, api_base_url=server.url, version_check_mode="none", ratelimit_method="throw"
    )
    assert client.account_verify_credentials().username == "keisatsu"
    author = server.account("aite")
    ident = server.post(author, "高額バイト")
    reply = client.status_post("@aite 注意", in_reply_to_id=ident, visibility="unlisted", idempotency_key="k")
    again = client.status_post("@aite 注意", in_reply_to_id=ident, visibility="unlisted", idempotency_key="k")
    assert (reply.id, str(reply.in_reply_to_id), reply.visibility) == (again.id, ident, "unlisted")
    private = client.status_post("@aite ひみつ", visibility="direct")
    own = client.me().id
    assert [one.id for one in client.account_statuses(own)] == [private.id, reply.id]
    assert [one.id for one in client.status_context(ident).descendants] == [reply.id]
    (found,) = client.search_v2(server.uri(ident), result_type="statuses", resolve=True).statuses
    assert str(found.id) == ident
    report = client.report(author, status_ids=[ident], comment="募集の疑い", category="violation", forward=True)
    assert (report.category, report.forwarded, [str(one) for one in report.status_ids]) == ("violation", True, [ident])
    client.status_delete(reply.id)
    with pytest.raises(mastodon.MastodonNotFoundError):
        client.status_delete(ident)  # somebody else's
    server.disabled.add(server.account_of[TOKEN])
    with pytest.raises(mastodon.MastodonAPIError, match="403"):
        client.status_post("x")


# --- Misskey ---------------------------------------------------------------------------------------------------------------


def test_misskey_reply_find_replies_delete_message_report() -> None:
    channel = MisskeyChannel()
    with Misskey(tokens={WRITER: WRITES, "narrow": "read:account"}) as server:
        server.now = datetime.now(UTC)
        own = server.user("keisatsu")
        server.user_of[WRITER] = own
        author = server.user("aite", host="toku.example")
        speaker = Speaker(1, {"server": server.url}, {"token": WRITER})
        who = channel.who(speaker, NET)
        assert who.remote_id == own
        speaker = Speaker(1, {"server": server.url}, {"token": WRITER}, who.remote_id, who.handle)
        far, near = server.note(author, "高額バイト"), server.note(own, "お知らせ")
        one, other = (
            message({"post": server.uri(far), "handle": "aite@toku.example"}),
            message({"post": server.uri(near)}),
        )
        assert channel.find(one, speaker, NET) is None
        receipt = channel.reply(one, speaker, NET)
        assert channel.find(one, speaker, NET) == receipt
        assert channel.find(other, speaker, NET) is None
        assert server.notes[receipt.remote_id]["replyId"] == far
        assert [person.handle for person in channel.replies_to(one, speaker, NET)] == [who.handle]
        private = channel.message(one, speaker, NET)
        assert server.notes[private.remote_id]["visibleUserIds"] == [author]
        assert channel.find_message(one, speaker, NET) == private
        channel.report(message({"post": server.uri(far), "url": server.uri(far)}, "募集の疑い"), speaker, NET)
        assert server.reports == [{"by": own, "userId": author, "comment": f"{server.uri(far)}\n募集の疑い"}]
        channel.delete(receipt.remote_id, speaker, NET)
        channel.delete(receipt.remote_id, speaker, NET)
        assert channel.find(one, speaker, NET) is None
        server.delete(far)
        with pytest.raises(Refused, match="NO_SUCH"):
            channel.reply(one, speaker, NET)
        narrow = Speaker(1, {"server": server.url}, {"token": "narrow"}, own, "k")
        with pytest.raises(SenderDenied) as denied:
            channel.reply(other, narrow, NET)
        assert denied.value.why == "unauthorised"
        server.users[own]["isSuspended"] = True
        with pytest.raises(SenderDenied) as denied:
            channel.reply(other, speaker, NET)
        assert denied.value.why == "frozen"


# --- X -----------------------------------------------------------------------------------------------------------------------


def test_x_signs_replies_finds_deletes_and_writes_messages() -> None:
    channel = XChannel()
    with X() as server:
        server.now = datetime.now(UTC)
        own, author, shut = server.user("keisatsu"), server.user("aite"), server.user("tojita")
        server.users[shut]["protected"] = True
        secrets, options = server.app_of(own), {"api": server.url}
        who = channel.who(Speaker(1, options, secrets), NET)
        assert (who.remote_id, who.handle) == (own, "keisatsu")
        speaker = Speaker(1, options, secrets, own, "keisatsu")
        posts = [server.post(author, "高額バイト"), server.post(author, "高額バイト 2")]
        one, two = (
            message({"post": ident, "author": author}, "注意 & 相談 https://soudan.example/jp") for ident in posts
        )
        assert channel.find(one, speaker, NET) is None
        receipt = channel.reply(one, speaker, NET)
        assert server.posts[receipt.remote_id]["text"] == "@aite 注意 &amp; 相談 https://t.co/aaaaaaaaaa"
        assert channel.find(one, speaker, NET) == receipt
        assert channel.find(two, speaker, NET) is None
        with pytest.raises(SaidBefore, match="duplicate"):
            channel.reply(two, speaker, NET)
        assert channel.replies_to(one, speaker, NET) == [Answered(own, "keisatsu", receipt.remote_url)]
        sent = channel.message(one, speaker, NET)
        assert channel.find_message(one, speaker, NET) == sent
        with pytest.raises(Refused, match="cannot send"):
            channel.message(message({"author": shut}), speaker, NET)
        channel.delete(receipt.remote_id, speaker, NET)
        channel.delete(receipt.remote_id, speaker, NET)
        assert channel.find(one, speaker, NET) is None
        with pytest.raises(SenderDenied) as denied:
            channel.who(Speaker(1, options, {**secrets, "token_secret": "wrong"}), NET)
        assert denied.value.why == "unauthorised"
        server.suspended.add(own)
        with pytest.raises(SenderDenied) as denied:
            channel.reply(one, speaker, NET)
        assert denied.value.why == "frozen"


def test_x_counts_characters_as_it_does() -> None:
    channel = XChannel()
    assert channel.length_of("あ" * 140) == 280
    assert channel.length_of("a" * 280) == 280
    assert channel.length_of("見て https://a-very-long-host.example/with/a/path") == 5 + 23


# --- mail --------------------------------------------------------------------------------------------------------------------


class Office:
    """A mail server of an invented office; `answers` is what it says to a letter."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.answer = "250 OK"
        self.to_answer: dict[str, str] = {}

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to_answer.get(address, "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.answer == "vanish":
            self.letters.append(message_from_bytes(envelope.content, policy=default))
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        elif self.answer.startswith("250"):
            self.letters.append(message_from_bytes(envelope.content, policy=default))
            self.encrypted.append(session.ssl is not None)
        return self.answer


def check_password(server: SMTP, session: Session, envelope: Envelope, kind: str, told: LoginPassword) -> AuthResult:
    return AuthResult(success=(told.login, told.password) == (b"desk", b"secret"), handled=False)


@pytest.fixture
def office(certified: ssl.SSLContext) -> Iterator[tuple[Office, Controller]]:
    handler = Office()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=certified,
        require_starttls=True,
        auth_required=True,
        authenticator=check_password,
    )
    controller.start()
    yield handler, controller
    controller.stop()


def mailbox(controller: Controller, **options: str) -> Speaker:
    given = {
        "address": "desk@office.example",
        "name": "架空県警察",
        "host": "board.example",
        "port": str(controller.port),
        "security": "starttls",
        "user": "desk",
        **options,
    }
    return Speaker(1, given, {"password": "secret"}, "desk@office.example", "desk@office.example")


def test_a_letter_arrives_encrypted_signed_in_and_with_an_id_made_of_its_key(office: tuple[Office, Controller]) -> None:
    handler, controller = office
    channel, speaker = Email(), mailbox(controller)
    assert channel.who(speaker, NET).handle == "desk@office.example"
    told = message(
        {"mail": "abuse@provider.example"},
        body={
            "subject": "削除のお願い\r\nBcc: nobody@x.example\u2028X\x85Y\x0bZ",
            "attachments": [
                {"name": "xarf.json", "type": "application/json", "base64": base64.b64encode(b"{}").decode()}
            ],
            "in_reply_to": "<a@provider.example>",
        },
    )
    receipt = channel.mail(told, speaker, NET)
    (letter,) = handler.letters
    assert handler.encrypted == [True]
    assert receipt.remote_id == letter["Message-ID"] == message_id("k1", "desk@office.example") == "<k1@office.example>"
    assert letter["To"] == "abuse@provider.example"
    assert "架空県警察" in letter["From"]
    assert letter["Subject"].startswith("削除のお願い")
    assert letter["Bcc"] is None
    assert letter["In-Reply-To"] == "<a@provider.example>"
    body = letter.get_body()
    assert body is not None
    assert body.get_content().strip().splitlines() == WORDS.splitlines()
    (attached,) = letter.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("xarf.json", b"{}")


def test_what_a_mail_server_says_no_to_is_certain_and_what_is_lost_is_not(office: tuple[Office, Controller]) -> None:
    handler, controller = office
    channel, speaker = Email(), mailbox(controller)
    told = message({"mail": "abuse@provider.example"})
    handler.answer = "554 rejected as spam"
    with pytest.raises(Refused, match="554"):
        channel.mail(told, speaker, NET)
    handler.answer = "451 try later"
    with pytest.raises(NotGone, match="451"):
        channel.mail(told, speaker, NET)
    handler.to_answer["abuse@provider.example"] = "550 no such user"
    with pytest.raises(Refused, match="550"):
        channel.mail(told, speaker, NET)
    handler.to_answer.clear()
    handler.answer = "vanish"
    with pytest.raises(TryLater) as lost:
        channel.mail(told, speaker, NET)
    assert not isinstance(lost.value, NotGone)
    for user in ("stranger", "担当者"):
        with pytest.raises(SenderDenied) as denied:
            channel.who(mailbox(controller, user=user), NET)
        assert denied.value.why == "unauthorised"
    for broken in ({"mail": "相談@provider.example"}, {}):  # nothing left, and that is certain
        with pytest.raises((Refused, BadInput)) as wrong:
            channel.mail(message(broken), speaker, NET)
        assert "provider" not in str(wrong.value)  # an address belongs into no log


def test_mail_goes_only_encrypted_and_only_where_it_may(office: tuple[Office, Controller]) -> None:
    handler, controller = office
    channel, told = Email(), message({"mail": "abuse@provider.example"})
    with pytest.raises(Refused, match="private network"):
        channel.mail(told, mailbox(controller), Net())
    with pytest.raises(NotGone, match=r"certificate|cannot be reached"):  # the name on its certificate is another one
        channel.mail(told, mailbox(controller, host="other.example"), NET)
    with pytest.raises(NotGone):
        channel.mail(told, mailbox(controller, port="1"), NET)
    with pytest.raises(BadInput, match="security"):
        channel.mail(told, mailbox(controller, security="perhaps"), NET)
    with pytest.raises(BadInput, match="to"):
        channel.mail(message({"mail": "a@b.example, c@d.example"}), mailbox(controller), NET)
    assert handler.letters == []
    plain = Office()
    open_relay = Controller(plain, hostname="127.0.0.1", port=free_port())
    open_relay.start()
    try:
        Email().mail(told, mailbox(open_relay, security="none", user=""), NET)  # a relay in one's own network
    finally:
        open_relay.stop()
    assert len(plain.letters) == 1


# --- Bluesky beside the account's own server ---------------------------------------------------------------------------------


class Beside:
    """A moderation service and a service of private messages, as a PDS passes requests on to them (atproto-proxy)."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.closed = False
        self.url = ""

    @property
    def did(self) -> str:
        return f"did:web:localhost%3A{self.url.rpartition(':')[2]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        import json

        told = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) or b"null")
        path = handler.path.partition("?")[0]
        status = 200
        found: Any = {}
        if path == "/.well-known/did.json":
            services = [
                {"id": "#atproto_labeler", "type": "AtprotoLabeler", "serviceEndpoint": self.url},
                {"id": "#bsky_chat", "type": "BskyChatService", "serviceEndpoint": self.url},
            ]
            found = {"@context": ["https://www.w3.org/ns/did/v1"], "id": self.did, "service": services}
        elif not handler.headers.get("Authorization", "").startswith("Bearer "):
            status, found = 401, {"error": "AuthMissing"}
        elif path.endswith("createReport"):
            self.reports.append(told)
            found = {
                **told,
                "id": len(self.reports),
                "reportedBy": "did:plc:x",
                "createdAt": "2026-11-20T03:00:00.000Z",
            }
        elif path.endswith("getConvoForMembers"):
            if self.closed:
                status, found = (
                    400,
                    {"error": "MessagesDisabled", "message": "recipient has disabled incoming messages"},
                )
            else:
                found = {"convo": {"id": "c1", "rev": "1", "members": [], "muted": False, "unreadCount": 0}}
        elif path.endswith("sendMessage"):
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            sent = {"id": f"m{len(self.messages)}", "rev": "1", "text": told["message"]["text"], "sentAt": at}
            self.messages.append({**sent, "sender": {"did": self.own}})
            found = self.messages[-1]
        elif path.endswith("getMessages"):
            found = {"messages": self.messages[::-1]}
        respond(handler, status, json.dumps(found).encode(), Content_Type="application/json")

    own = ""


@pytest.mark.server
def test_bluesky_reports_and_private_messages_go_through_the_accounts_server(pds: Pds) -> None:
    beside, channel = Beside(), Bluesky()
    with http_server(beside.answer) as beside.url:
        moderation, chat = f"{beside.did}#atproto_labeler", f"{beside.did}#bsky_chat"
        speaker, _writer = on_pds(pds, moderation=moderation, chat=chat)
        beside.own = speaker.remote_id
        author = pds.writer()
        post = author.post("高額バイト 詳しくはDMで")
        to = {"post": post.uri, "author": author.did}
        told = message(to, "募集の疑い", body={"reason": channel.reasons[0]})
        assert channel.report(told, speaker, NET).remote_id == "1"
        (report,) = beside.reports
        assert report["subject"] == {"$type": "com.atproto.repo.strongRef", "uri": post.uri, "cid": post.cid}
        assert (report["reasonType"], report["reason"]) == (channel.reasons[0], "募集の疑い")
        assert channel.find_message(message(to), speaker, NET) is None
        receipt = channel.message(message(to), speaker, NET)
        assert channel.find_message(message(to), speaker, NET) == receipt
        beside.closed = True
        with pytest.raises(Refused, match="MessagesDisabled") as refused:
            channel.message(message(to), speaker, NET)
        assert not isinstance(refused.value, SenderDenied)
