"""Objections: the code of a letter, whose an objection is, and what an upheld one undoes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from tests.outbox_world import WORDS, approved, decided, rule, sender_on
from tests.servers.mastodon.server import TOKEN, Mastodon
from yoake.casework.appeal import actions, lodging, queries
from yoake.casework.appeal.models import Appeal
from yoake.casework.audit.models import Entry
from yoake.casework.cases.looks import tomorrow, used
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.stop import stop
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.codes import code_of, item_id_of, line_of
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.checking import budget_of, host_of
from yoake.pipeline.duties.prove import prove
from yoake.pipeline.last_second import Rule
from yoake.pipeline.outside import _hosts
from yoake.pipeline.sending import send_one, take_back_one

pytestmark = pytest.mark.django_db
PUBLIC = "https://yoake.example"


@pytest.fixture(autouse=True)
def with_public_pages(settings: Any) -> Iterator[None]:
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, public_url=PUBLIC, host_limits={"127.0.0.1": 0.0})
    _hosts.cache_clear()
    with rule("warning", Rule()):
        yield
    _hosts.cache_clear()


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    return decided(as_analyst, live, network="fediverse", url="https://social.example/1")


def sent(actor: Actor, case: Case, kind: str = "warning", **more: Any) -> OutboxItem:
    """A letter that a person carried out."""
    item = outbox.draft(
        actor, case.pk, kind, channel="by_hand", way="hand", to={"url": case.post.url, "name": "架空社"},
        body={"text": WORDS, "language": "ja"}, **more,
    )  # fmt: skip
    OutboxItem.objects.filter(pk=item.pk).update(
        state="sent", sent_at=timezone.now(), approved_by=actor.user_id, approved_at=timezone.now(),
    )  # fmt: skip
    return OutboxItem.objects.get(pk=item.pk)


def lodged(item: OutboxItem, who: str = "author", **more: Any) -> Appeal:
    return lodging.lodge(code_of(item.pk), who, "冗談でした", **more)


# --- codes ------------------------------------------------------------------------------------------------------------------


def test_a_code_names_its_item_and_no_other_is_one() -> None:
    codes = [code_of(n) for n in range(1, 300)]
    assert [item_id_of(code) for code in codes] == list(range(1, 300))
    assert len({code[:5] for code in codes}) > 200, "the number does not show"
    code = code_of(7)
    for like in (code.lower(), code.replace("-", " "), f" {code} ", code.replace("0", "o").replace("1", "l")):
        assert item_id_of(like) == 7
    for wrong in ("", "-", code[:-1], f"{code}0", "0" * 14, "あ" * 14, code[:-1] + ("A" if code[-1] != "A" else "B"), "U" * 14, "9" * 5000):  # fmt: skip
        assert item_id_of(wrong) is None


def test_letters_and_requests_carry_it_where_there_is_a_page(as_analyst: Actor, case: Case, settings: Any) -> None:
    item = sent(as_analyst, case)
    assert f"{PUBLIC}/a" in item.body["text"]
    assert code_of(item.pk) in item.body["text"]
    assert item.body["text"].startswith(WORDS)
    assert item.bound != ""
    assert line_of(OutboxItem(pk=1, kind="help", body={})) == ""
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, public_url="")
    assert line_of(item) == ""


def test_the_approval_holds_for_the_code_too_and_a_rewritten_letter_keeps_it(as_analyst: Actor, case: Case) -> None:
    item = outbox.draft(
        as_analyst, case.pk, "warning", channel="by_hand", way="hand", to={"url": "x"}, body={"text": WORDS}
    )
    item = outbox.rewrite(as_analyst, item.pk, {"text": "別の文です。おそれがあります。"})
    assert item.body["text"].endswith(code_of(item.pk))
    assert outbox.approve(as_analyst, item.pk, item.bound).state == "approved"


# --- what the page learns ---------------------------------------------------------------------------------------------------


def test_only_what_left_is_a_letter(as_analyst: Actor, case: Case) -> None:
    item = sent(as_analyst, case)
    letter = lodging.letter_of(code_of(item.pk))
    assert letter is not None
    assert (letter.name_ja, letter.kind, letter.withdrawn) == ("架空県警察", "warning", False)
    assert not {"url", "text", "case", "post", "to"} & set(vars(letter))
    for state in ("draft", "approved", "sending", "stopped", "failed"):
        OutboxItem.objects.filter(pk=item.pk).update(state=state)
        assert lodging.letter_of(code_of(item.pk)) is None
    assert lodging.letter_of(code_of(item.pk + 1)) is None


def test_an_objection_is_taken_soundly(as_analyst: Actor, case: Case) -> None:
    item = sent(as_analyst, case)
    for who, words, reply in (("nobody", "x", ""), ("third", " \n", ""), ("third", "x" * 2001, ""), ("third", "x", "y" * 201)):  # fmt: skip
        with pytest.raises(BadInput):
            lodging.lodge(code_of(item.pk), who, words, reply)
    with pytest.raises(BadInput, match="letter of this office"):
        lodging.lodge(code_of(item.pk + 9), "third", "x")
    made = lodging.lodge(code_of(item.pk), "third", "a\x00b\u202ec\r\nd", "x\ny")
    assert (made.words, made.reply_to, made.proof, made.due_at) == ("abc\nd", "x y", "", None)
    entry = Entry.objects.filter(kind="appeal_lodged").get()
    assert (entry.actor, entry.facts) == ("public", {"appeal": made.pk, "who": "third"})
    for _ in range(lodging.MOST_WAITING - 1):
        lodged(item, "third")
    with pytest.raises(Refused, match="many notes"):
        lodged(item, "third")
    assert lodged(item).proof, "what strangers write closes nothing for the author"


def test_nothing_is_taken_about_what_is_gone(as_analyst: Actor, case: Case) -> None:
    item = sent(as_analyst, case)
    made = lodged(item)
    stop(as_analyst, case.pk)
    assert lodging.letter_of(code_of(item.pk)) is not None, "this office sent it all the same"
    with pytest.raises(Refused):
        lodged(item)
    made.refresh_from_db()
    assert (made.words, made.reply_to, made.proof) == ("", "", "")


# --- whose it is ------------------------------------------------------------------------------------------------------------


def test_the_code_in_the_profile_proves_it(as_analyst: Actor, police: Organisation) -> None:
    with Mastodon() as server:
        source = Source.objects.create(
            organisation=police, name="f", connector="mastodon", options={"instance": server.url, "token": ""}
        )
        author = server.account("aite")
        ident = server.post(author, "高額バイト 詳しくはDMで")
        uri = server.uri(ident)
        case = decided(
            as_analyst, source, network="fediverse", native_id=uri, url=uri, author_id=f"{server.url}/users/aite",
            author_handle="aite",
        )  # fmt: skip
        made = lodged(sent(as_analyst, case))
        now = timezone.now()
        assert prove(now) == 1
        a_look = len(server.asked)
        made.refresh_from_db()
        assert made.proved_at is None
        assert made.due_at is not None
        assert queries.stands(made) == "unproved"
        strangers = [lodged(made.item) for _ in range(7)]
        assert {one.due_at for one in strangers} == {made.due_at}, "with the look that is planned already"
        assert prove(made.due_at) == 5
        assert len(server.asked) == 2 * a_look, "one look for all objections of an account"
        due = set(Appeal.objects.values_list("due_at", flat=True))
        assert len(due) == 1
        assert due.pop() == made.due_at + lodging.LOOK_PAUSE
        Appeal.objects.exclude(pk=made.pk).delete()
        made.refresh_from_db()
        server.accounts[author]["note"] = f"<p>こんにちは {made.proof.lower()}</p>"
        assert prove(made.due_at) == 1
        made.refresh_from_db()
        assert made.proved_at is not None
        assert queries.stands(made) == "authors"
        assert prove(now + timedelta(hours=1)) == 0


def test_a_look_that_fails_unforeseen_is_told_and_taken_again(
    as_analyst: Actor, case: Case, monkeypatch: pytest.MonkeyPatch, mishaps: list[str]
) -> None:
    def unforeseen(*_all: Any) -> str:
        raise KeyError("冗談でした")

    monkeypatch.setattr("yoake.pipeline.duties.prove._profile", unforeseen)
    made, now = lodged(sent(as_analyst, case)), timezone.now()
    assert prove(now) == 1
    made.refresh_from_db()
    assert made.due_at is not None
    assert made.due_at > now
    assert mishaps[0].startswith(f"looking for the code of objection {made.pk} failed: KeyError at ")
    mishaps.clear()


def test_who_waits_long_is_looked_for_seldom() -> None:
    now = timezone.now()
    looks, at = 0, now
    while at < now + lodging.PROVE_WITHIN:
        looks, at = looks + 1, lodging.next_look(now, at)
    assert 20 < looks < 50
    assert lodging.next_look(now, now) == now + timedelta(minutes=10)
    assert lodging.next_look(now - timedelta(hours=60), now) == now + timedelta(hours=3)


def test_looks_use_a_tenth_of_the_hosts_budget(as_analyst: Actor, live: Source, case: Case, settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, checks_per_host=20)
    now, item = timezone.now(), sent(as_analyst, case)
    made = lodged(item)
    for _ in range(2):
        Appeal.objects.update(due_at=now)
        prove(now)
        assert "used up" not in Appeal.objects.get().problem
    Appeal.objects.update(due_at=now)
    prove(now)
    made.refresh_from_db()
    assert (made.problem, made.due_at) == ("today's checks of this host are used up", tomorrow(now))
    assert used(budget_of(host_of(case.post)), now) == 2, "checks go on"


def test_what_was_answered_is_proved_no_more(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    made = lodged(sent(as_analyst, case))
    actions.dismiss(as_supervisor, made.pk, "読みました")
    assert not lodging.proved(made.pk, timezone.now())
    assert not Entry.objects.filter(kind="appeal_proved").exists()


def test_without_proof_it_stays_a_note(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    made = lodged(sent(as_analyst, case))
    prove(timezone.now())
    assert made.prove_by is not None
    later = made.prove_by + timedelta(minutes=1)
    Appeal.objects.update(due_at=made.prove_by)
    prove(made.prove_by)
    made.refresh_from_db()
    assert made.due_at is None
    assert queries.stands(made, later) == "note"
    with pytest.raises(Refused, match="not proved"):
        actions.uphold(as_supervisor, made.pk, "そのとおり")
    made = actions.prove_by_hand(as_supervisor, made.pk)
    assert queries.stands(made) == "authors"
    third = lodged(made.item, "third")
    with pytest.raises(Refused, match="nothing to prove"):
        actions.prove_by_hand(as_supervisor, third.pk)
    assert actions.dismiss(as_supervisor, third.pk, "読みました").outcome == "read"


# --- what an answer does -----------------------------------------------------------------------------------------------------


def proved(item: OutboxItem) -> Appeal:
    made = lodged(item)
    assert lodging.proved(made.pk, timezone.now())
    return made


def test_upheld_takes_everything_back(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    warning, request = sent(as_analyst, case), sent(as_analyst, case, "request")
    made = actions.uphold(as_supervisor, proved(warning).pk, "冗談と分かる")
    assert (made.outcome, made.by_id) == ("upheld", as_supervisor.user_id)
    warning.refresh_from_db()
    assert (warning.withdraw_why, warning.withdraw_asked_by_id) == ("appeal", as_supervisor.user_id)
    correction = OutboxItem.objects.get(kind="correction")
    assert (correction.corrects, correction.state, correction.to) == (request, "draft", request.to)
    assert "取り消します" in correction.body["text"]
    assert case.post.url in correction.body["text"]
    last = Decision.objects.order_by("-pk")[0]
    assert (last.verdict, last.reason, last.by_id) == ("not_in_scope", "冗談と分かる", as_supervisor.user_id)
    assert Decision.objects.filter(undoes__isnull=False).exists()
    entry = Entry.objects.filter(kind="appeal_upheld").get()
    assert entry.facts == {"appeal": made.pk, "withdrawn": 1, "corrections": 1, "judged": True}
    with pytest.raises(Refused, match="answered already"):
        actions.dismiss(as_supervisor, made.pk, "x")


def test_the_reply_goes_from_the_server(as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source) -> None:  # fmt: skip
    with Mastodon() as server:
        server.now = datetime.now(UTC)
        server.account_of[TOKEN] = server.account("keisatsu", display="架空県警察")
        sender: Sender = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN})
        uri = server.uri(server.post(server.account("aite"), "高額バイト"))
        case = decided(as_analyst, live, network="fediverse", native_id=uri, url=uri, author_handle="aite")
        item = approved(as_analyst, case, sender)
        send_one(timezone.now())
        ours = [one for one in server.statuses.values() if one["account"]["username"] == "keisatsu"]
        assert code_of(item.pk) in ours[0]["content"]
        actions.uphold(as_supervisor, proved(item).pk, "誤りでした")
        take_back_one(timezone.now() + timedelta(seconds=1))
        assert not [one for one in server.statuses.values() if one["account"]["username"] == "keisatsu"]
        item.refresh_from_db()
        assert (item.state, item.withdraw_why) == ("withdrawn", "appeal")


def test_the_author_of_any_post_of_a_letter_objects_and_is_answered(
    as_analyst: Actor, as_supervisor: Actor, live: Source, case: Case
) -> None:
    second = decided(
        as_analyst, live, network="fediverse", native_id="2", author_id="author-2", url="https://social.example/2"
    )
    item = sent(as_analyst, case, "request", also=[second.pk])
    letter = lodging.letter_of(code_of(item.pk))
    assert letter is not None
    assert letter.several
    for address in ("", "x", "https://social.example/3", "y" * 5000):
        with pytest.raises(BadInput) as caught:
            lodged(item, about=address)
        assert caught.value.field == "about"
    made = lodged(item, about=" https://social.example/2#top ")
    assert made.case_id == second.pk
    assert lodging.proved(made.pk, timezone.now())
    actions.uphold(as_supervisor, made.pk, "誤りでした")
    correction = OutboxItem.objects.get(kind="correction")
    assert (correction.case_id, correction.corrects_id) == (second.pk, item.pk)
    assert second.post.url in correction.body["text"]
    first = lodged(item, about=case.post.url)
    assert lodging.proved(first.pk, timezone.now())
    actions.uphold(as_supervisor, first.pk, "誤りでした")
    assert OutboxItem.objects.filter(kind="correction", corrects=item).count() == 2, "one for each post"


def test_a_request_that_is_being_sent_while_the_objection_is_upheld_is_corrected_too(
    as_analyst: Actor, as_supervisor: Actor, case: Case
) -> None:
    warning, request = sent(as_analyst, case), sent(as_analyst, case, "request")
    carried = sent(as_analyst, case, "request")
    OutboxItem.objects.filter(pk=request.pk).update(state="sending", sent_at=None, way="mail")
    OutboxItem.objects.filter(pk=carried.pk).update(state="sending", sent_at=None)  # nobody carried it out yet
    actions.uphold(as_supervisor, proved(warning).pk, "誤りでした")
    assert [one.corrects_id for one in OutboxItem.objects.filter(kind="correction")] == [request.pk]


def test_a_mail_that_cannot_be_answered_is_corrected_by_hand(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source, case: Case
) -> None:
    warning, mail = sent(as_analyst, case), sent(as_analyst, case, "request")
    sender = Sender.objects.create(
        organisation_id=case.organisation_id, channel="email", name="m", added_by_id=as_administrator.user_id, added_at=timezone.now(), state="ended",
    )  # fmt: skip
    gone = sent(as_analyst, case, "request")
    uncertain = sent(as_analyst, case, "request")
    OutboxItem.objects.filter(pk=mail.pk).update(channel="email", way="mail", sender=sender, to={"mail": "desk@social.example"})  # fmt: skip
    OutboxItem.objects.filter(pk=gone.pk).update(channel="email", way="mail", sender=sender, to={}, body={})
    OutboxItem.objects.filter(pk=uncertain.pk).update(state="failed", stopped_why="uncertain")
    actions.uphold(as_supervisor, proved(warning).pk, "誤りでした")
    corrections = OutboxItem.objects.filter(kind="correction")
    assert {one.corrects_id: (one.way, one.channel) for one in corrections} == dict.fromkeys(
        (mail.pk, gone.pk, uncertain.pk), ("hand", "by_hand")
    )
    warning.refresh_from_db()
    assert warning.withdraw_why == "appeal"


def test_nobody_answers_an_objection_to_their_own_letter(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, case: Case
) -> None:
    made = proved(sent(as_supervisor, case))
    for answer in (actions.uphold, actions.dismiss):
        with pytest.raises(Refused, match="somebody else"):
            answer(as_supervisor, made.pk, "x")
    carried = sent(as_analyst, case, "request")
    OutboxItem.objects.filter(pk=carried.pk).update(sent_by=as_supervisor.user_id)
    with pytest.raises(Refused, match="somebody else"):
        actions.dismiss(as_supervisor, lodged(carried, "third").pk, "x")
    with pytest.raises(Refused, match="somebody else"):
        actions.prove_by_hand(as_supervisor, lodged(carried).pk)
    with pytest.raises(BadInput):
        actions.dismiss(as_administrator, made.pk, " ")
    assert actions.dismiss(as_administrator, made.pk, "そのまま").outcome == "dismissed"
    assert Decision.objects.count() == 1


def test_the_queue_has_a_clock_and_proved_ones_come_first(
    as_analyst: Actor, as_outsider: Actor, case: Case, django_assert_num_queries: Any
) -> None:
    item = sent(as_analyst, case)
    first, second = lodged(item, "third"), proved(item)
    assert [one.pk for one in queries.appeals_waiting(as_analyst)] == [second.pk, first.pk]
    assert timedelta(days=4) < first.decide_by - first.at
    assert queries.appeals_waiting(as_outsider) == []
    for _ in range(5):
        lodged(item, "third")
    with django_assert_num_queries(1):
        assert len(queries.appeals_waiting(as_analyst)) == 7


def test_another_organisations_supervisor_reaches_nothing(as_analyst: Actor, as_outsider: Actor, case: Case) -> None:
    made = proved(sent(as_analyst, case))
    with pytest.raises(BadInput):
        actions.uphold(as_outsider, made.pk, "x")
    with pytest.raises(BadInput):
        queries.appeal_of(as_outsider, made.pk)


def test_a_warning_that_did_not_leave_yet_goes_nowhere(as_analyst: Actor, police: Organisation, case: Case) -> None:
    request = sent(as_analyst, case, "request")
    waiting = outbox.draft(
        as_analyst, case.pk, "warning", channel="by_hand", way="hand", to={"url": "x"}, body={"text": WORDS}
    )
    boss = User.objects.create_user("boss")
    Membership.objects.create(user=boss, organisation=police, role="supervisor")
    actions.uphold(actor_of(boss), proved(request).pk, "誤りでした")
    waiting.refresh_from_db()
    assert waiting.state == "stopped"
