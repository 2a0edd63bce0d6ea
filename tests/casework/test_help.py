"""Help: who is told, what is said, whose clock runs, and that none of it is a warning."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.outbox_world import decided, judged
from tests.report_world import confirmed
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case, Decision
from yoake.casework.help import actions, queries, said
from yoake.casework.help.models import HandOver
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import withdraw
from yoake.casework.sources.models import Source
from yoake.casework.wording.actions import set_letterhead
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.send import send

pytestmark = pytest.mark.django_db

TEXT = "応募して身分証を送ってしまった 大阪 助けて"
DESK = "police_consultation"


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    """Somebody who applied and is threatened."""
    return decided(
        as_analyst, live, "coerced_applicant", network="fediverse", text=TEXT, url="https://social.example/1",
        author_handle="hanako", author_name="架空花子",
    )  # fmt: skip


@pytest.fixture
def desk(as_administrator: Actor) -> None:
    confirmed(as_administrator, DESK, telephone="#9110")


@pytest.fixture
def sender(police: Organisation, as_administrator: Actor) -> Sender:
    return Sender.objects.create(
        organisation=police, channel="mastodon", name="m", added_by_id=as_administrator.user_id, added_at=timezone.now(),
    )  # fmt: skip


def looked_at(made: HandOver) -> HandOver:
    """After the worker looked once more."""
    send(timezone.now())
    return HandOver.objects.select_related("item", "case").get(pk=made.pk)


def age(made: HandOver, minutes: int) -> None:
    OutboxItem.objects.filter(pk=made.item_id).update(sent_at=timezone.now() - timedelta(minutes=minutes))


# --- a desk ---------------------------------------------------------------------------------------------------------------


def test_a_desk_is_told_and_says_who_has_it(as_analyst: Actor, case: Case, desk: None) -> None:
    made = looked_at(actions.hand_to_desk(as_analyst, case.pk, DESK))
    assert queries.stands(made) == "to_tell"
    words = made.item.body["text"]
    for part in ("https://social.example/1", "架空花子", "@hanako", "大阪府", TEXT, "S-ana", f"{case.pk}-1"):
        assert part in words
    assert "analyst" not in words, "staff numbers, never names"
    assert made.item.to == {"telephone": "#9110", "name": "警察相談専用電話"}
    made = actions.told(as_analyst, made.pk)
    assert queries.stands(made) == "told"
    made = actions.acknowledge(as_analyst, made.pk, " 係  7 ")
    assert (queries.stands(made), made.acknowledged_who) == ("acknowledged", "係 7")
    with pytest.raises(Refused, match="already"):
        actions.acknowledge(as_analyst, made.pk, "x")
    kinds = list(Entry.objects.filter(kind__startswith="help_").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["help_drafted", "help_told", "help_acknowledged"]
    for entry in Entry.objects.all():
        assert not any(word in str(entry.facts) for word in ("係", "hanako", "架空花子"))


def test_nobody_is_called_at_a_number_that_nobody_confirmed(
    as_analyst: Actor, as_administrator: Actor, case: Case
) -> None:
    with pytest.raises(Refused, match="nobody confirmed the telephone"):
        actions.hand_to_desk(as_analyst, case.pk, DESK)
    confirmed(as_administrator, DESK, telephone="#9110")
    made = actions.hand_to_desk(as_analyst, case.pk, DESK)
    withdraw(as_administrator, DESK, "telephone")
    made = looked_at(made)
    assert (made.item.state, made.item.stopped_why) == ("stopped", "desk_unconfirmed")


def test_only_a_consultation_desk_and_each_once(
    as_analyst: Actor, as_administrator: Actor, case: Case, desk: None
) -> None:
    confirmed(as_administrator, "police_osaka")
    with pytest.raises(BadInput, match="consultation desk"):
        actions.hand_to_desk(as_analyst, case.pk, "police_osaka")
    actions.hand_to_desk(as_analyst, case.pk, DESK)
    with pytest.raises(Refused, match="already"):
        actions.hand_to_desk(as_analyst, case.pk, DESK)


def test_help_is_for_whom_it_is_provided(
    as_analyst: Actor, as_supervisor: Actor, live: Source, practice: Source, desk: None
) -> None:
    offender = decided(as_analyst, live, "criminal_recruitment", native_id="2")
    with pytest.raises(Refused, match="provides for help"):
        actions.hand_to_desk(as_analyst, offender.pk, DESK)
    with pytest.raises(Refused, match="provides for help"):
        actions.settle(as_supervisor, offender.pk, "helped")
    taken = arrive(practice, [post("9", TEXT)], [finding(category="coerced_applicant")], timezone.now())
    trying = judged(as_analyst, Case.objects.get(pk=taken.opened[0]), "coerced_applicant")
    with pytest.raises(Refused, match="practice"):
        actions.hand_to_desk(as_analyst, trying.pk, DESK)
    assert not HandOver.objects.exists()


def test_desks_that_fit_come_first(as_analyst: Actor, police: Organisation, case: Case) -> None:
    order = [desk.body.slug for desk in queries.desks_for(police.pk, case, "coerced_applicant")]
    assert order[0] == DESK, "the category names its number"
    case.minor = True
    order = [desk.body.slug for desk in queries.desks_for(police.pk, case, "coerced_applicant")]
    assert order[:3] == ["child_guidance", "youth_support", DESK]
    assert {"police_emergency", "suicide_line"} < set(order)
    assert not any(desk.contact for desk in queries.desks_for(police.pk, case, "coerced_applicant"))


# --- the clock ------------------------------------------------------------------------------------------------------------


def test_the_clock_runs_until_somebody_has_it(as_analyst: Actor, as_supervisor: Actor, case: Case, desk: None) -> None:
    (clock,) = queries.clocks_of(as_supervisor)
    assert (clock.case.pk, clock.category, clock.minutes, clock.overdue) == (case.pk, "coerced_applicant", 4, False)
    assert clock.due - clock.since == timedelta(minutes=15)
    Decision.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert queries.clocks_of(as_supervisor)[0].overdue
    made = looked_at(actions.hand_to_desk(as_analyst, case.pk, DESK))
    assert queries.clocks_of(as_supervisor)[0].overdue, "prepared is not told"
    actions.told(as_analyst, made.pk)
    (clock,) = queries.clocks_of(as_supervisor)
    assert (clock.told, clock.overdue) == (made, False)
    age(made, 16)
    assert queries.clocks_of(as_supervisor)[0].overdue
    assert queries.hand_overs_of(as_supervisor)[0].overdue
    actions.acknowledge(as_analyst, made.pk, "係")
    assert queries.clocks_of(as_supervisor) == []


def test_a_supervisor_settles_it(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    with pytest.raises(BadInput):
        actions.settle(as_supervisor, case.pk, "tired")
    actions.settle(as_supervisor, case.pk, "helped")
    assert queries.clocks_of(as_supervisor) == []
    assert [one.why for one in queries.settled_of(as_analyst, case)] == ["helped"]


def test_no_clock_for_others(as_analyst: Actor, as_outsider: Actor, live: Source, case: Case) -> None:
    decided(as_analyst, live, "criminal_recruitment", native_id="2", author_id="b")
    assert [one.case for one in queries.clocks_of(as_analyst)] == [case]
    assert queries.clocks_of(as_outsider) == []


def test_the_clock_of_a_child_runs_while_a_second_person_is_asked_and_help_does_not_wait(
    as_analyst: Actor, live: Source, desk: None
) -> None:
    child = decided(as_analyst, live, "runaway_at_risk", native_id="3", text="家出中 16歳 泊めて")
    assert child.state == "second_review"
    assert [one.case.pk for one in queries.clocks_of(as_analyst)] == [child.pk]
    told = actions.told(as_analyst, looked_at(actions.hand_to_desk(as_analyst, child.pk, DESK)).pk)
    assert queries.stands(told) == "told"


def test_an_overdue_clock_is_seen_by_those_too_who_may_judge_second(
    as_analyst: Actor, as_supervisor: Actor, live: Source, desk: None
) -> None:
    child = decided(as_analyst, live, "runaway_at_risk", native_id="3", text="家出中 16歳 泊めて")
    later = timezone.now() + timedelta(minutes=31)
    assert queries.clocks_of(as_supervisor) == []
    assert [one.case.pk for one in queries.clocks_of(as_supervisor, later)] == [child.pk]
    actions.told(as_analyst, looked_at(actions.hand_to_desk(as_analyst, child.pk, DESK)).pk)
    assert queries.clocks_of(as_supervisor) == []
    assert [one.case.pk for one in queries.clocks_of(as_supervisor, later)] == [child.pk]


def test_clocks_ask_the_same_however_many_run(
    as_analyst: Actor, live: Source, case: Case, desk: None, django_assert_num_queries: Any
) -> None:
    for n in range(2, 6):
        decided(as_analyst, live, "runaway_at_risk", native_id=str(n), author_id=f"b{n}")
    with django_assert_num_queries(3):  # whom nobody told of, which of them may be helped, whether a desk was told
        assert len(queries.clocks_of(as_analyst)) == 5


# --- the network, a message, a reply ---------------------------------------------------------------------------------------


def test_the_network_is_told_nothing_of_the_person(as_analyst: Actor, case: Case, sender: Sender) -> None:
    with pytest.raises(BadInput, match="spam, legal"):
        actions.tell_network(as_analyst, case.pk, "mastodon", "nonsense", sender.pk)
    with pytest.raises(BadInput, match="network on which"):
        actions.tell_network(as_analyst, case.pk, "bluesky", "other", sender.pk)
    made = actions.tell_network(as_analyst, case.pk, "mastodon", "other", sender.pk)
    assert (made.item.way, made.item.state, made.item.body["reason"]) == ("report", "draft", "other")
    assert not any(word in made.item.body["text"] for word in ("大阪", "身分証", "花子", "hanako"))
    with pytest.raises(Refused, match="already"):
        actions.tell_network(as_analyst, case.pk, "mastodon", "other", sender.pk)


def test_a_message_is_the_letter_of_help(as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender) -> None:
    with pytest.raises(Refused, match="letterhead"):
        actions.write_privately(as_analyst, case.pk, "mastodon", "ja", sender.pk)
    set_letterhead(as_supervisor, "架空県警察", "Example Police", "000-000-0000")
    made = actions.write_privately(as_analyst, case.pk, "mastodon", "ja", sender.pk)
    words = made.item.body["text"]
    assert (made.item.way, made.item.to["handle"]) == ("message", "hanako")
    assert "架空県警察" in words
    assert "#9110" in words
    assert "警告" not in words
    assert "{" not in words


def test_what_may_have_gone_is_said_by_nothing_else(as_analyst: Actor, case: Case, sender: Sender) -> None:
    first = actions.tell_network(as_analyst, case.pk, "mastodon", "other", sender.pk)
    item = outbox.approve(as_analyst, first.item_id, first.item.bound)
    OutboxItem.objects.filter(pk=item.pk).update(state="failed", stopped_why="uncertain", due_at=None)
    with pytest.raises(Refused, match="already"):
        actions.tell_network(as_analyst, case.pk, "mastodon", "other", sender.pk)
    OutboxItem.objects.filter(pk=item.pk).update(stopped_why="refused")
    second = actions.tell_network(as_analyst, case.pk, "mastodon", "other", sender.pk)
    assert queries.reason_to_stop(item, timezone.now()) == ""
    OutboxItem.objects.filter(pk=second.item_id).update(state="sent")
    assert queries.reason_to_stop(item, timezone.now()) == "said_since", "also where somebody tries the first one again"


def test_a_reply_is_a_supervisors_and_goes_by_itself(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sender: Sender
) -> None:
    made = actions.reply_publicly(as_supervisor, case.pk, "mastodon", said.REPLY["ja"], 6, "ja", sender.pk)
    assert made.item.second_needed
    assert made.item.remove_after_s == 6 * 3600
    outbox.approve(as_supervisor, made.item_id, made.item.bound)
    with pytest.raises(Refused, match="second person"):
        outbox.approve_second(as_supervisor, made.item_id, made.item.bound)
    item = outbox.approve_second(as_analyst, made.item_id, made.item.bound)
    assert queries.reason_to_stop(item, timezone.now()) == ""
    OutboxItem.objects.filter(pk=item.pk).update(second_by=None)
    assert queries.reason_to_stop(OutboxItem.objects.get(pk=item.pk), timezone.now()) == "no_supervisor"
    OutboxItem.objects.filter(pk=item.pk).update(second_by=item.drafted_by, remove_after_s=None)
    assert queries.reason_to_stop(OutboxItem.objects.get(pk=item.pk), timezone.now()) == "no_supervisor"


def test_help_that_this_room_did_not_write_never_leaves(as_analyst: Actor, case: Case) -> None:
    item = outbox.draft(
        as_analyst, case.pk, "help", channel="by_hand", way="hand", to={"telephone": "1"}, body={"text": "x"}
    )
    outbox.approve(as_analyst, item.pk, item.bound)
    send(timezone.now())
    item.refresh_from_db()
    assert (item.state, item.stopped_why) == ("stopped", "no_hand_over")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("17歳でも相談できます #9110", "age"),
        ("高校生のあなたへ #9110", "age"),
        ("You are a teenager: call #9110", "age"),
        ("大阪の窓口へ #9110", "place"),
        ("架空花子さん、#9110へ", "author"),
        ("hanako: #9110", "author"),
        ("身分証を送ってしまったなら #9110", "repeats"),
        ("警告します #9110", "warns"),
        ("応募してしまったら #9110", "warns"),
        ("相談できます", "help_lines"),
        ("#相談 #9110", "hashtag"),
        ("@someone #9110", "mention"),
        ("https://police.example #9110", "link"),
        ("", "empty"),
    ],
)
def test_a_public_reply_says_nothing_of_the_person(
    text: str, rule: str, as_supervisor: Actor, case: Case, sender: Sender
) -> None:
    assert rule in {one.rule for one in said.problems(text, case, "coerced_applicant", "ja")}
    with pytest.raises(BadInput):
        actions.reply_publicly(as_supervisor, case.pk, "mastodon", text, 6, "ja", sender.pk)


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("slug", ["coerced_applicant", "crime_job_seeker", "runaway_at_risk", "suicide_inducing"])
def test_the_shipped_reply_is_sound(language: str, slug: str, case: Case) -> None:
    assert said.problems(said.REPLY[language], case, slug, language) == []


def test_a_desk_that_does_not_answer_is_on_the_first_page_however_many_are_newer(
    as_analyst: Actor, case: Case, desk: None
) -> None:
    late = actions.told(as_analyst, looked_at(actions.hand_to_desk(as_analyst, case.pk, DESK)).pk)
    age(late, 600)
    item = OutboxItem.objects.get(pk=late.item_id)
    newer = []
    for n in range(60):
        item.pk, item.key, item.state = None, f"{n}", "stopped"
        newer.append(
            OutboxItem(**{field.attname: getattr(item, field.attname) for field in item._meta.concrete_fields})
        )
    HandOver.objects.bulk_create(
        HandOver(item=one, organisation_id=late.organisation_id, case=case, how="network")
        for one in OutboxItem.objects.bulk_create(newer)
    )
    assert queries.count_hand_overs(as_analyst) == 61
    first, *others = queries.hand_overs_of(as_analyst)
    assert (first.hand_over.pk, first.overdue, len(others)) == (late.pk, True, 49)
    assert len(queries.hand_overs_of(as_analyst, start=50)) == 11
