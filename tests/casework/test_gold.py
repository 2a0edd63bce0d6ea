"""Cases with a known answer: to the person a case like any other, to everybody else nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from tests.casework.test_reviews import share as review_share
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.advice import ask_advice
from yoake.casework.cases.checks import check_now
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.leases import hand_on
from yoake.casework.cases.models import Account, Advice, Case, Check, Decision, Erasure, LegalHold
from yoake.casework.cases.notes import add_note
from yoake.casework.cases.queries import case_view, others_of_author
from yoake.casework.cases.retention import ask_removal, place_hold
from yoake.casework.cases.searching import search
from yoake.casework.cases.waiting import EVERYTHING, cases_awaiting_review, waiting_counts
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.quality import gold
from yoake.casework.quality.lessons import training_rows
from yoake.casework.quality.looking import take_round
from yoake.casework.quality.models import Alarm, Gold, GoldTurn, Round
from yoake.casework.sources.models import Source
from yoake.collect import practice as stream
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

WHY = "受け子という言葉と報酬が並ぶ"


@pytest.fixture
def every_decision() -> Iterator[None]:
    """Each decision brings a copy, as far as there are any."""
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, gold_share=1.0)):
        yield


@pytest.fixture
def colleague(police: Organisation) -> User:
    user = User.objects.create_user("colleague", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.ANALYST)
    return user


def judged(actor: Actor, case: Case, verdict: str = "in_scope", slug: str = "criminal_recruitment") -> Decision:
    case = Case.objects.select_related("post").get(pk=case.pk)
    assert case.post.current_id is not None
    return decide(
        actor, case.pk, verdict, version_id=case.post.current_id, category_slug=slug if verdict == "in_scope" else "",
        now=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def made(live: Source, as_supervisor: Actor) -> Gold:
    """A decided case whose answer is sure."""
    (pk,) = arrive(
        live, [post("g", "受け子 募集 日当", url="https://social.example/g")], [finding()], timezone.now()
    ).opened
    judged(as_supervisor, Case.objects.get(pk=pk))
    return gold.mark_gold(as_supervisor, pk, WHY)


@pytest.fixture
def copy(
    made: Gold, many_waiting: Callable[[int], list[Case]], colleague: User, police: Organisation, every_decision: None
) -> Case:
    """A copy of it that waits before the colleague."""
    judged(actor_of(colleague), many_waiting(3)[0], "not_in_scope")
    assert gold.deal(police, timezone.now()) == 1
    return Case.everything.get(gold_for=colleague)


def answered(user: User, copy: Case, verdict: str = "in_scope", slug: str = "criminal_recruitment") -> GoldTurn:
    assert copy.post.current_id is not None
    slug = slug if verdict == "in_scope" else ""
    return gold.answer(actor_of(user), copy.pk, verdict, version_id=copy.post.current_id, category_slug=slug)


def test_only_the_person_meets_it(copy: Case, colleague: User, as_supervisor: Actor, as_outsider: Actor) -> None:
    def waiting(actor: Actor) -> list[int]:
        return [case.pk for case in cases_awaiting_review(actor, practice=False)]

    mine = actor_of(colleague)
    assert copy.pk in waiting(mine)
    assert waiting_counts(mine)[False].all == 3
    for other in (as_supervisor, as_outsider):
        assert copy.pk not in waiting(other)
        with pytest.raises(BadInput):
            case_view(other, copy.pk)
    assert waiting_counts(as_supervisor)[False].all == 2
    assert not Case.objects.filter(pk=copy.pk).exists()


def shape(page: str, case: Case) -> str:
    """A page without what differs from case to case: numbers, times, words of the post, tokens, addresses of others."""
    page = re.sub(r'(?s)<header.*?</header>|name="csrfmiddlewaretoken" value="[^"]*"|hx-headers=\'[^\']*\'', "", page)
    page = re.sub(r"(?s)<nav.*?</nav>|<blockquote.*?</blockquote>|<section class=\"legend.*?</section>", "", page)
    page = re.sub(r'<a class="original".*?</a>|<bdi class="native">.*?</bdi>', "", page)
    page = re.sub(r"(?s)<time.*?</time>", "<time>", page)
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", page))


def test_nothing_tells_it_apart(copy: Case, colleague: User, made: Gold, live: Source) -> None:
    """Same address, same page, same answers of the small requests, same row; only the words of the post differ."""
    (pk,) = arrive(
        live, [post("o", "受け子 募集 月給", url="https://social.example/o")], [finding()], timezone.now()
    ).opened
    client = Client(headers={"accept-language": "en"})
    client.force_login(colleague)
    shapes = []
    for case in (Case.everything.get(pk=copy.pk), Case.objects.get(pk=pk)):
        page = client.get(f"/case/{case.pk}/")
        assert page.status_code == 200
        told = page.content.decode()
        assert "gold" not in told.replace("marigold", "")
        assert "known answer" not in told
        taken = client.post(f"/case/{case.pk}/lease/", {"version_id": case.post.current_id})
        around = client.post(f"/case/{case.pk}/around/")
        similar = client.get(f"/case/{case.pk}/similar/")
        repeats = client.get(f"/case/{case.pk}/repeats/")
        client.post(f"/case/{case.pk}/release/")
        parts = [shape(one.content.decode(), case) for one in (taken, around, similar, repeats)]
        shapes.append([shape(told, case), *parts, [one.status_code for one in (taken, around, similar, repeats)]])
    assert shapes[0] == shapes[1]
    original = made.case_id
    inbox = client.get("/live/").content.decode()
    assert f"/case/{copy.pk}/" in inbox
    assert f"/case/{original}/" not in client.get("/search/?q=受け子").content.decode(), (
        "the original would give it away"
    )
    assert f"/case/{original}/" not in client.get(f"/case/{copy.pk}/repeats/").content.decode()


def test_it_comes_to_nobody_who_met_the_original(
    made: Gold,
    many_waiting: Callable[[int], list[Case]],
    police: Organisation,
    as_supervisor: Actor,
    every_decision: None,
) -> None:
    judged(as_supervisor, many_waiting(1)[0], "not_in_scope")
    assert gold.deal(police, timezone.now()) == 0


def test_the_answer_acts_on_nothing_and_counts_nowhere(copy: Case, colleague: User, made: Gold) -> None:
    before = [list(model.objects.order_by("pk").values()) for model in (Decision, Erasure, Check)]
    rows = list(training_rows())
    turn = answered(colleague, copy, "not_in_scope")
    assert turn.right is False
    assert [list(model.objects.order_by("pk").values()) for model in (Decision, Erasure, Check)] == before
    assert list(training_rows()) == rows
    assert made.case_id is not None
    original = Case.objects.get(pk=made.case_id)
    assert original.state == Case.State.DECIDED
    entry = Entry.objects.filter(kind="gold_answered").get()
    assert entry.subject == f"case:{copy.pk}"
    assert not Entry.objects.filter(kind="decided", subject=f"case:{copy.pk}").exists()


@pytest.mark.parametrize(
    ("verdict", "slug", "right"),
    [
        ("in_scope", "criminal_recruitment", True),
        ("in_scope", "drug_ad", False),
        ("not_in_scope", "", False),
        ("cannot_tell", "", False),
        ("duplicate", "", None),
    ],
)
def test_what_is_right(verdict: str, slug: str, right: bool | None, copy: Case, colleague: User) -> None:
    assert answered(colleague, copy, verdict, slug).right is right
    with pytest.raises(Refused):
        answered(colleague, copy)


def test_afterwards_the_known_answer_and_why(copy: Case, colleague: User, supervisor: User) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(colleague)
    told = {"verdict": "not_in_scope", "version_id": copy.post.current_id}
    page = client.post(f"/case/{copy.pk}/decide/", told, follow=True).content.decode()
    assert "The known answer is another one." in page
    assert WHY in page
    assert "My decisions" in page
    other = Client()
    other.force_login(supervisor)
    assert other.get(f"/case/{copy.pk}/").status_code == 404


def test_a_decision_does_not_reach_a_copy(copy: Case, colleague: User) -> None:
    with pytest.raises(Refused, match="known answer"):
        decide(actor_of(colleague), copy.pk, "not_in_scope", version_id=copy.post.current_id or 0)


def test_each_decision_draws_once_and_each_person_gets_it_once(
    copy: Case, police: Organisation, colleague: User
) -> None:
    assert gold.deal(police, timezone.now()) == 0
    answered(colleague, copy)
    judged(actor_of(colleague), Case.objects.filter(state="waiting")[0], "not_in_scope")
    assert gold.deal(police, timezone.now()) == 0, "there is no other gold"


def test_the_share_is_what_the_setting_says(
    made: Gold, many_waiting: Callable[[int], list[Case]], colleague: User, police: Organisation
) -> None:
    for case in many_waiting(3):
        judged(actor_of(colleague), case, "not_in_scope")
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, gold_share=0.0)):
        assert gold.deal(police, timezone.now()) == 0
    lots = [gold._lot(decision) for decision in Decision.objects.filter(by=colleague)]
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, gold_share=min(lots) + 1e-9)):
        assert gold.deal(police, timezone.now()) == 1


@pytest.mark.parametrize("flag", ["minor", "at_risk"])
def test_never_of_a_minor_or_of_somebody_at_risk(flag: str, waiting: Case, as_supervisor: Actor) -> None:
    Case.objects.filter(pk=waiting.pk).update(**{flag: True})
    judged(as_supervisor, waiting, "not_in_scope")
    with pytest.raises(Refused, match="nobody's trial"):
        gold.mark_gold(as_supervisor, waiting.pk, WHY)
    assert not Gold.objects.exists()


def test_never_under_a_category_of_people_at_risk(waiting: Case, as_supervisor: Actor) -> None:
    judged(as_supervisor, waiting, slug="runaway_at_risk")
    with pytest.raises(Refused, match="nobody's trial"):
        gold.mark_gold(as_supervisor, waiting.pk, WHY)


def test_a_sign_seen_later_withdraws_it(copy: Case, made: Gold, police: Organisation, colleague: User) -> None:
    Case.everything.filter(pk=copy.pk).update(minor=True)
    take_round(Round(organisation=police, name="gold"), timezone.now())
    made.refresh_from_db()
    assert made.withdrawn_at is not None
    assert not Case.everything.exclude(gold_for=None).exists()
    assert Alarm.objects.filter(kind="gold", closed_at=None).count() == 1


def test_a_changed_judgement_withdraws_it(copy: Case, made: Gold, police: Organisation, as_supervisor: Actor) -> None:
    assert made.case_id is not None
    undo(as_supervisor, made.case_id)
    assert gold.clear_away(police, timezone.now()) == [made]


def test_it_goes_with_the_words(
    waiting: Case, as_supervisor: Actor, colleague: User, many_waiting: Callable[[int], list[Case]], police: Organisation,
    every_decision: None,
) -> None:  # fmt: skip
    judged(as_supervisor, waiting, "not_in_scope")
    marked = gold.mark_gold(as_supervisor, waiting.pk, WHY)
    judged(actor_of(colleague), many_waiting(1)[0], "not_in_scope")
    assert gold.deal(police, timezone.now()) == 1
    assert erase(waiting.post, timezone.now() + timedelta(days=4))
    marked.refresh_from_db()
    assert marked.why == ""
    assert not Case.everything.exclude(gold_for=None).exists()
    assert GoldTurn.objects.count() == 1, "the numbers stay"


def test_copies_go_when_their_time_is_over(copy: Case, colleague: User, police: Organisation) -> None:
    answered(colleague, copy)
    gold.clear_away(police, timezone.now() + timedelta(days=6))
    assert Case.everything.filter(pk=copy.pk).exists()
    gold.clear_away(police, timezone.now() + timedelta(days=8))
    assert not Case.everything.filter(pk=copy.pk).exists()
    assert GoldTurn.objects.get().right is True


@pytest.mark.parametrize("what", ["waiting", "practice", "cannot_tell", "reviewed"])
def test_what_cannot_be_gold(what: str, waiting: Case, practice: Source, as_supervisor: Actor) -> None:
    case = waiting
    if what == "practice":
        (pk,) = arrive(practice, [post("p")], [finding()]).opened
        case = Case.objects.get(pk=pk)
    if what == "reviewed":
        with review_share(1.0):
            judged(as_supervisor, case)
    elif what != "waiting":
        judged(as_supervisor, case, "cannot_tell" if what == "cannot_tell" else "in_scope")
    with pytest.raises(Refused):
        gold.mark_gold(as_supervisor, case.pk, WHY)


def test_practice_serves_as_a_text_added_by_hand(
    as_supervisor: Actor, colleague: User, many_waiting: Callable[[int], list[Case]], police: Organisation,
    every_decision: None,
) -> None:  # fmt: skip
    offered = gold.practice_to_offer(as_supervisor)[0]
    marked = gold.gold_from_practice(as_supervisor, offered.ident)
    judged(actor_of(colleague), many_waiting(1)[0], "not_in_scope")
    assert gold.deal(police, timezone.now()) == 1
    view = case_view(actor_of(colleague), Case.everything.get(gold_for=colleague).pk)
    assert (view.case.origin, view.case.post.network, view.case.practice) == ("hand", "hand", False)
    assert "added_by_hand" in [entry.kind for entry in view.log]
    known = stream.answer(f"x/{offered.ident}")
    assert known is not None
    assert (marked.verdict, marked.category) == (known.verdict, known.category)
    with pytest.raises(Refused):
        gold.gold_from_practice(as_supervisor, offered.ident)
    assert offered.ident not in [one.ident for one in gold.practice_to_offer(as_supervisor)]


@pytest.mark.parametrize("role", Membership.Role.values)
def test_who_may(role: str, made: Gold, waiting: Case, as_analyst: Actor, police: Organisation) -> None:
    judged(as_analyst, waiting)
    user = User.objects.create_user("somebody", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role=role)
    actor = actor_of(user)
    if role in ("supervisor", "administrator"):
        gold.mark_gold(actor, waiting.pk, WHY)
        gold.withdraw_gold(actor, made.pk)
        return
    for act in (
        lambda: gold.mark_gold(actor, waiting.pk, WHY),
        lambda: gold.withdraw_gold(actor, made.pk),
        lambda: gold.gold_from_practice(actor, "x"),
        lambda: gold.practice_to_offer(actor),
        lambda: gold.gold_in_force(actor),
    ):
        with pytest.raises(Refused):
            act()


def test_other_bodies_cannot_touch_it(made: Gold, as_outsider: Actor) -> None:
    with pytest.raises(BadInput):
        gold.withdraw_gold(as_outsider, made.pk)
    assert made.case_id is not None
    with pytest.raises(BadInput):
        gold.mark_gold(as_outsider, made.case_id, WHY)


# --- what else may happen to a copy -----------------------------------------------------------------------------------


def edited(live: Source, case: Case) -> None:
    row = post(case.post.native_id, "受け子 募集 日当 5万", url="https://social.example/g")
    arrive(live, [row], [finding()], timezone.now())


def test_an_edit_ends_it_and_nobody_is_wrong_about_new_words(
    copy: Case, made: Gold, live: Source, colleague: User, police: Organisation, as_supervisor: Actor
) -> None:
    edited(live, copy)
    copy.post.refresh_from_db()
    assert answered(colleague, copy, "not_in_scope").right is None, "what they read is not what was judged"
    assert gold.clear_away(police, timezone.now()) == [made]
    assert Case.everything.filter(pk=copy.pk).exists(), "what they answered is explained for a week"
    assert made.case_id is not None
    with pytest.raises(Refused):
        gold.mark_gold(as_supervisor, made.case_id, WHY)


def test_marked_anew_it_comes_to_nobody_twice_and_to_others_still(
    copy: Case, made: Gold, colleague: User, police: Organisation, as_supervisor: Actor
) -> None:
    answered(colleague, copy)
    gold.withdraw_gold(as_supervisor, made.pk)
    assert made.case_id is not None
    again = gold.mark_gold(as_supervisor, made.case_id, WHY)
    another = User.objects.create_user("another", password="a long pass phrase 17")
    Membership.objects.create(user=another, organisation=police, role=Membership.Role.ANALYST)
    left = list(Case.objects.filter(state="waiting"))
    for user, case in zip((colleague, another), left, strict=True):
        judged(actor_of(user), case, "not_in_scope")
    assert gold.deal(police, timezone.now()) == 1
    assert GoldTurn.objects.get(gold=again).user == another


def test_what_acts_is_refused_on_a_copy(copy: Case, supervisor: User) -> None:
    """It would go with the copy: a hold that holds nothing, an answer that nobody can read."""
    Case.everything.filter(pk=copy.pk).update(gold_for=supervisor)
    actor = actor_of(supervisor)
    for act in (
        lambda: place_hold(actor, copy.pk, "trial"),
        lambda: ask_removal(actor, copy.pk),
        lambda: ask_advice(actor, copy.pk, "違法か"),
        lambda: check_now(actor, copy.pk),
    ):
        with pytest.raises(Refused, match="known answer"):
            act()
    assert not LegalHold.objects.exists()
    assert not Advice.objects.exists()
    assert not Check.objects.filter(case=copy).exists()


def test_a_copy_can_be_handed_on_and_makes_room(
    copy: Case,
    colleague: User,
    supervisor: User,
    as_supervisor: Actor,
    police: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = actor_of(colleague)
    monkeypatch.setattr(gold, "AT_ONCE", 1)
    first, second = Case.objects.filter(state="waiting")
    judged(as_supervisor, first)
    gold.mark_gold(as_supervisor, first.pk, WHY)
    judged(actor, second, "not_in_scope")
    assert gold.deal(police, timezone.now()) == 0, "one waits"
    hand_on(actor, copy.pk, supervisor.pk)
    assert gold.deal(police, timezone.now()) == 1


def test_notes_beside_a_copy_stay_with_the_case(copy: Case, made: Gold, colleague: User, as_supervisor: Actor) -> None:
    add_note(actor_of(colleague), copy.pk, "同じ番号を別の投稿でも見た")
    gold.withdraw_gold(as_supervisor, made.pk)
    assert made.case_id is not None
    assert [note.text for note in case_view(as_supervisor, made.case_id).notes] == ["同じ番号を別の投稿でも見た"]
    assert [found.case.pk for found in search(as_supervisor, "同じ番号", practice=False, chosen=EVERYTHING).found] == [
        made.case_id
    ]


def test_the_original_does_not_stand_beside_others_of_its_author(
    copy: Case, made: Gold, live: Source, colleague: User
) -> None:
    account = Account.objects.create(network="test", native_id="x")
    (pk,) = arrive(live, [post("b", "別の投稿")], [finding()], timezone.now()).opened
    other = Case.objects.get(pk=pk)
    for one in (copy.post, other.post):
        one.account = account
        one.save()
    assert others_of_author(actor_of(colleague), Case.objects.get(pk=pk)) == ([], 0)
    answered(colleague, copy)
    found, n = others_of_author(actor_of(colleague), Case.objects.get(pk=pk))
    assert ([one.case.pk for one in found], n) == ([made.case_id], 1)
