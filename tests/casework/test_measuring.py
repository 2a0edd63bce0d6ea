"""How right detectors and rules are, and guards that switch what they guard off below its bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.casework.test_reviews import rule, share
from tests.quality_world import look_again, store
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.guards import FOLDING, PRIORITY, is_on
from yoake.casework.cases.models import Case, Decision, Finding, Guard, Post
from yoake.casework.cases.waiting import cases_awaiting_review, neighbours
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.quality import guarding
from yoake.casework.quality.agreement import agreement_by_category, figures_of, own_figures
from yoake.casework.quality.guarding import guards_of, look_at_guards, switch_guard
from yoake.casework.quality.looking import plan_rounds, take_round
from yoake.casework.quality.measuring import Measured, count_precision, note_flags, precision_of, precisions
from yoake.casework.quality.models import Alarm, Flagged, Round
from yoake.casework.quality.reviews import judge_again
from yoake.casework.sources.models import Source
from yoake.detect.category import Phrase
from yoake.errors import BadInput, Refused
from yoake.learn.overlay import add_phrase, own_words

__all__ = ["store"]  # a fixture

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=2)
SLUG = "criminal_recruitment"
RECEIVER = {"field": "text", "start": 0, "end": 3, "text": "受け子", "cue": "receiver", "weight": 2.6}
REWARD = {"field": "text", "start": 4, "end": 6, "text": "日当", "cue": "reward", "weight": 1.2}
NEWS = {"field": "text", "start": 7, "end": 9, "text": "逮捕", "cue": "frame:news", "weight": -1.0}


@pytest.fixture
def drawn() -> Iterator[None]:
    with share(1.0):
        yield


Make = Callable[..., list[Case]]


@pytest.fixture
def flagged(live: Source, as_analyst: Actor, as_supervisor: Actor) -> Make:
    """Cases a detector flagged, judged by one person, and by a second one."""
    made = [0]

    def make(n: int, first: str, second: str = "", *, spans: list[dict[str, Any]] | None = None, batch: str = "",
             score: float = 0.9, at: Any = NOON, category: str = SLUG) -> list[Case]:  # fmt: skip
        start = made[0]
        made[0] += n
        rows = [post(f"m{start + i}", f"受け子 日当 逮捕 その{start + i}", author_id=f"a{start + i}") for i in range(n)]
        found = [finding(i, spans=spans or [RECEIVER], score=score, category=category) for i in range(n)]
        opened = arrive(live, rows, found, at).opened
        cases = list(Case.objects.filter(pk__in=opened).select_related("post").order_by("pk"))
        for case in cases:
            version = case.post.current_id or 0
            slug = SLUG if first == "in_scope" else ""
            decide(as_analyst, case.pk, first, version_id=version, category_slug=slug, batch=batch, now=at)
            if second:
                slug = SLUG if second == "in_scope" else ""
                judge_again(
                    as_supervisor,
                    case.pk,
                    second,
                    version_id=version,
                    category_slug=slug,
                    now=at + timedelta(minutes=5),
                )
        return cases

    return make


def measured(actor: Actor) -> dict[tuple[str, str], Measured]:
    return {(one.kind, one.name): one for one in precisions(actor)}


def count(police: Organisation, now: Any = LATER) -> None:
    note_flags(police, now)
    count_precision(police, now)


def test_single_and_double_stand_side_by_side(
    flagged: Make, police: Organisation, as_analyst: Actor, as_supervisor: Actor
) -> None:
    flagged(3, "in_scope")
    flagged(2, "not_in_scope")
    with share(1.0):
        flagged(4, "in_scope", "in_scope")
        flagged(1, "not_in_scope", "not_in_scope")
    count(police)
    found = measured(as_analyst)["detector", "test 1"]
    assert (found.single.n, found.single.right) == (10, 7)
    assert (found.double.n, found.double.right) == (5, 4)
    low, high = found.double.interval
    assert (round(low, 4), round(high, 4)) == (0.2836, 0.9949)  # Clopper and Pearson, 4 of 5


def test_what_a_supervisor_settled_counts_as_settled(
    flagged: Make, police: Organisation, as_administrator: Actor, as_analyst: Actor, drawn: None
) -> None:
    cases = flagged(2, "in_scope", "not_in_scope")
    reviews = [case.reviews.get() for case in cases]
    rule(as_administrator, reviews[0], "not_in_scope", now=LATER)
    count(police)
    found = measured(as_analyst)["detector", "test 1"]
    assert (found.double.n, found.double.right) == (1, 0), "an open disagreement counts for nothing"
    rule(as_administrator, reviews[1], "in_scope", category_slug=SLUG, now=LATER)
    count(police, LATER + timedelta(minutes=1))
    found = measured(as_analyst)["detector", "test 1"]
    assert (found.double.n, found.double.right) == (2, 1)
    assert (found.single.n, found.single.right) == (2, 1), "the judgement that stands"


def test_a_demanded_review_is_no_fair_draw(flagged: Make, police: Organisation, as_analyst: Actor) -> None:
    Case.objects.update(minor=True)
    cases = flagged(1, "in_scope")
    assert not cases[0].reviews.exists()
    for case in cases:
        undo(as_analyst, case.pk, NOON)
        Case.objects.filter(pk=case.pk).update(minor=True)
        decide(as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug=SLUG, now=NOON)
        assert case.reviews.get().drawn is False
    count(police)
    assert measured(as_analyst)["detector", "test 1"].double.n == 0


def test_rules_are_what_carried_weight(flagged: Make, police: Organisation, as_analyst: Actor, drawn: None) -> None:
    flagged(2, "in_scope", "in_scope", spans=[RECEIVER, REWARD])
    flagged(1, "not_in_scope", "not_in_scope", spans=[RECEIVER, NEWS])
    count(police)
    found = measured(as_analyst)
    assert (found["cue", "receiver"].double.n, found["cue", "receiver"].double.right) == (3, 2)
    assert (found["cue", "reward"].double.n, found["cue", "reward"].double.right) == (2, 2)
    assert not any(name.startswith("frame:") for _kind, name in found), "what speaks against it is no rule that flagged"


def test_cues_together_are_those_a_category_names(
    flagged: Make, police: Organisation, as_analyst: Actor, drawn: None
) -> None:
    from yoake.casework.cases.categories import category

    known = category(SLUG)
    combination = next(one for one in known.combinations if len(set(one.kinds)) == 2)
    cues = [next(cue.name for cue in known.cues if cue.kind == kind) for kind in combination.kinds]
    flagged(1, "in_scope", "in_scope", spans=[{**RECEIVER, "cue": cue} for cue in cues])
    count(police)
    assert measured(as_analyst)["together", "+".join(combination.kinds)].double.right == 1


def test_cannot_tell_and_low_findings_do_not_count(flagged: Make, police: Organisation, as_analyst: Actor) -> None:
    flagged(1, "cannot_tell")
    count(police)
    assert precisions(as_analyst) == []


def test_the_numbers_stay_when_the_words_go(
    flagged: Make, police: Organisation, as_analyst: Actor, drawn: None
) -> None:
    flagged(3, "not_in_scope", "not_in_scope")
    count(police)
    for case in Case.objects.all():
        erase(case.post, NOON + timedelta(days=4))
    assert all(body == {} for body in Finding.objects.values_list("body", flat=True))
    count(police, NOON + timedelta(days=4, hours=1))
    assert measured(as_analyst)["cue", "receiver"].double.n == 3
    told = str(list(Flagged.objects.values()))
    assert "受け子" not in told


def test_taken_back_it_counts_no_more(flagged: Make, police: Organisation, as_analyst: Actor, drawn: None) -> None:
    (case,) = flagged(1, "in_scope", "in_scope")
    count(police)
    undo(as_analyst, case.pk, LATER)
    count(police, LATER + timedelta(minutes=1))
    assert precisions(as_analyst) == [] or not measured(as_analyst)["detector", "test 1"].double.n


def test_the_case_page_says_how_right_it_has_been(
    flagged: Make,
    police: Organisation,
    analyst: User,
    waiting: Case,
    as_analyst: Actor,
    as_outsider: Actor,
    drawn: None,
) -> None:
    flagged(4, "in_scope", "in_scope")
    flagged(1, "not_in_scope", "not_in_scope")
    count(police)
    client = Client(headers={"accept-language": "en"})
    client.force_login(analyst)
    page = client.get(f"/case/{waiting.pk}/").content.decode()
    assert "4 of 5 were in scope (28 – 99 %)" in page
    findings = list(Finding.objects.filter(version=waiting.post.current_id))
    assert precision_of(as_outsider, findings) == {}, "each organisation by its own judgements"


# --- guards ---------------------------------------------------------------------------------------------------------


def guard(police: Organisation, name: str) -> Guard:
    return Guard.objects.get(organisation=police, name=name)


def test_everything_is_on_until_measured(police: Organisation) -> None:
    assert is_on(FOLDING, police.pk)
    assert is_on(PRIORITY)
    look_at_guards(police, LATER)
    assert guard(police, FOLDING).on
    assert guard(police, FOLDING).measured is None


@pytest.mark.parametrize(("wrong", "on"), [(1, True), (2, False)])
def test_folding_goes_off_below_its_bar(
    wrong: int, on: bool, flagged: Make, police: Organisation, as_administrator: Actor, hotline: Organisation,
    monkeypatch: pytest.MonkeyPatch, drawn: None,
) -> None:  # fmt: skip
    monkeypatch.setitem(guarding.LEAST, FOLDING, 20)
    flagged(20 - wrong, "in_scope", "in_scope", batch="b")
    for case in flagged(wrong, "in_scope", "not_in_scope", batch="b"):
        rule(as_administrator, case.reviews.get(), "not_in_scope", now=LATER)
    flagged(3, "in_scope", "not_in_scope")  # decided one by one: nothing to do with folding
    switched = look_at_guards(police, LATER)
    row = guard(police, FOLDING)
    assert (row.n, row.measured) == (20, 1 - wrong / 20)
    assert is_on(FOLDING, police.pk) is on
    assert is_on(FOLDING, hotline.pk)
    assert is_on(FOLDING) is on, "asked for all, one that is off is enough"
    assert [one.name for one in switched] == ([] if on else [FOLDING])
    alarms = Alarm.objects.filter(kind="guard")
    assert [alarm.facts for alarm in alarms] == (
        [] if on else [{"guard": FOLDING, "measured": 0.9, "bar": 0.95, "n": 20}]
    )
    assert Entry.objects.filter(kind="guard_off").count() == (0 if on else 1)


def test_too_few_switch_nothing(flagged: Make, police: Organisation, as_administrator: Actor, drawn: None) -> None:
    for case in flagged(3, "in_scope", "not_in_scope", batch="b"):
        rule(as_administrator, case.reviews.get(), "not_in_scope", now=LATER)
    assert look_at_guards(police, LATER) == []
    assert (guard(police, FOLDING).measured, guard(police, FOLDING).on) == (0.0, True)


@pytest.fixture
def misordered(flagged: Make, police: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in scope stands below what is not: an order that misleads, which the guard has seen."""
    monkeypatch.setitem(guarding.LEAST, PRIORITY, 10)
    with share(1.0):
        flagged(5, "in_scope", "in_scope", score=0.4)
        flagged(5, "not_in_scope", "not_in_scope", score=0.9)
    look_at_guards(police, LATER)


def test_an_order_that_misleads_goes_off_and_age_orders(
    misordered: None, live: Source, police: Organisation, as_analyst: Actor
) -> None:
    row = guard(police, PRIORITY)
    assert (row.measured, row.on) == (0.0, False)
    rows = [post(f"w{i}", f"待つ {i}") for i in range(4)]
    found = [finding(i, score=0.3 + 0.2 * i) for i in range(3)] + [finding(3, "runaway_at_risk", 0.5)]
    opened = arrive(live, rows, found, LATER).opened
    expected = [opened[3], *opened[:3]]
    waiting = list(cases_awaiting_review(as_analyst, practice=False))
    assert [case.pk for case in waiting] == expected, "at-risk first all the same, then the oldest"
    for at, case in enumerate(waiting):
        before, following = neighbours(as_analyst, case)
        assert following == expected[(at + 1) % 4]
        assert before == expected[at - 1]


def test_a_supervisor_switches_it_on_again(
    misordered: None, police: Organisation, as_supervisor: Actor, as_analyst: Actor, as_outsider: Actor
) -> None:
    row = guard(police, PRIORITY)
    for actor, error in ((as_analyst, Refused), (as_outsider, BadInput)):
        with pytest.raises(error):
            switch_guard(actor, row.pk, on=True, note="x")
    with pytest.raises(BadInput):
        switch_guard(as_supervisor, row.pk, on=True, note=" ")
    switch_guard(as_supervisor, row.pk, on=True, note="分類を直した", now=LATER)
    assert is_on(PRIORITY, police.pk)
    with pytest.raises(Refused):
        switch_guard(as_supervisor, row.pk, on=True, note="x")
    assert look_at_guards(police, LATER + timedelta(hours=1)) == [], "what was judged before counts no more"
    assert guard(police, PRIORITY).n == 0
    entry = Entry.objects.filter(kind="guard_on").get()
    assert "分類を直した" not in str(entry.facts)


@pytest.mark.parametrize("role", Membership.Role.values)
def test_who_switches(role: str, misordered: None, police: Organisation) -> None:
    user = User.objects.create_user("somebody", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role=role)
    row = guard(police, PRIORITY)
    if role in ("supervisor", "administrator"):
        assert switch_guard(actor_of(user), row.pk, on=True, note="x").on
    else:
        with pytest.raises(Refused):
            switch_guard(actor_of(user), row.pk, on=True, note="x")


def test_a_word_that_flags_wrongly_is_switched_off_end_to_end(
    store: Path,
    flagged: Make,
    police: Organisation,
    as_supervisor: Actor,
    monkeypatch: pytest.MonkeyPatch,
    live: Source,
) -> None:
    """A word is accepted, flags posts that two people judge out of scope, and counts no more; a supervisor brings it back."""
    from yoake.casework.cases.actions import serving_detector
    from yoake.tables.posts import posts_batch

    monkeypatch.setattr(guarding, "WORD_LEAST", 6)
    overlay = Path(settings.YOAKE_CATEGORIES)
    add_phrase(overlay, SLUG, Phrase("receiver", "ニコニコ隊", 1.8, "ja", "2026-11", "accepted by a supervisor", ""))
    look_again()
    (word,) = own_words(overlay, SLUG)
    batch = posts_batch([post("t", "ニコニコ隊 募集 受け子と出し子、日当30万円、即日手渡し")])

    def heard() -> bool:
        look_again()
        found = serving_detector().judge(batch).to_pylist()
        return any(span["text"] == "ニコニコ隊" for one in found for span in one["spans"])

    assert heard()
    span = {"field": "text", "start": 0, "end": 5, "text": "ﾆｺﾆｺ隊", "cue": "receiver", "weight": 1.8}
    with share(1.0):
        flagged(1, "in_scope", "in_scope", spans=[span])
        flagged(5, "not_in_scope", "not_in_scope", spans=[span])
        flagged(5, "in_scope", "in_scope")  # without the word
    plan_rounds(NOON)
    take_round(Round.objects.get(organisation=police, name="precision"), LATER)
    row = guard(police, f"word:{SLUG}:{word.key}")
    assert (row.on, row.n, row.measured) == (False, 6, 1 / 6)
    assert [one.on for one in own_words(overlay, SLUG)] == [False]
    assert not heard()
    alarm = Alarm.objects.get(kind="guard")
    assert (alarm.category, alarm.facts["guard"]) == (SLUG, row.name)
    entry = Entry.objects.filter(kind="guard_off").get()
    assert (entry.actor, entry.facts["n"]) == ("worker", 6)
    assert "ニコニコ" not in str(entry.facts)
    with pytest.raises(BadInput, match="switches it on again"):
        add_phrase(overlay, SLUG, word.phrase)
    switch_guard(as_supervisor, row.pk, on=True, note="別の意味で使われた週だった", now=LATER)
    assert heard()
    take_round(Round.objects.get(organisation=police, name="precision"), LATER + timedelta(hours=1))
    assert guard(police, row.name).on
    assert "ニコニコ隊" in page_of_quality(as_supervisor)


def page_of_quality(actor: Actor) -> str:
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.get(pk=actor.user_id))
    return client.get("/quality/").content.decode()


def test_the_quality_page_says_it(misordered: None, as_supervisor: Actor, police: Organisation) -> None:
    count(police, LATER)
    page = page_of_quality(as_supervisor)
    assert "Order of the inbox by score" in page
    assert "switched itself off" in page
    assert "is off: 0 % right of 10, the bar is 60 %" in page
    assert "test 1" in page
    assert [row.name for row in guards_of(as_supervisor)] == [PRIORITY, FOLDING]


# --- people ---------------------------------------------------------------------------------------------------------


def test_agreement_of_a_person_and_of_a_category(
    flagged: Make, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, drawn: None
) -> None:
    flagged(6, "in_scope", "in_scope")
    flagged(5, "not_in_scope", "not_in_scope")
    for case in flagged(1, "in_scope", "not_in_scope"):
        rule(as_administrator, case.reviews.get(), "not_in_scope", now=LATER)
    later = LATER + timedelta(minutes=1)
    own = own_figures(as_analyst, later)
    assert (own.overall.n, own.overall.alike) == (12, 11)
    assert own.overall.beyond == pytest.approx(5 / 6)
    assert [slug for slug, _found in own.by_category] == [SLUG]
    assert (own.upheld.n, own.upheld.right) == (1, 0)
    assert own_figures(as_supervisor, later).upheld.right == 1
    ((slug, together),) = agreement_by_category(as_supervisor, later)
    assert (slug, together.n) == (SLUG, 12)
    assert together.beyond == pytest.approx(1 - (2 / 24) / (24 * 24 - 12 * 12 - 12 * 12) * (24 * 23), abs=0.01)
    old = figures_of(as_supervisor, as_analyst.user_id, later)
    assert (old.overall.n, old.verdicts) == (0, {})
    week = figures_of(as_supervisor, as_analyst.user_id, later + timedelta(days=7))
    assert week.overall == own.overall
    with pytest.raises(Refused):
        figures_of(as_analyst, as_supervisor.user_id, later)


def test_nobody_sees_another_bodys_people(as_outsider: Actor, as_analyst: Actor) -> None:
    with pytest.raises(BadInput):
        figures_of(as_outsider, as_analyst.user_id)
    assert Post.objects.count() == Decision.objects.count() == 0


# --- while people switch ----------------------------------------------------------------------------------------------


def test_a_guard_that_somebody_switches_while_it_is_measured_stays_as_they_said(
    misordered: None, police: Organisation, as_supervisor: Actor, monkeypatch: pytest.MonkeyPatch, flagged: Make
) -> None:
    row = guard(police, PRIORITY)
    with share(1.0):
        flagged(5, "in_scope", "in_scope", score=0.4, at=LATER)
        flagged(5, "not_in_scope", "not_in_scope", score=0.9, at=LATER)
    Guard.objects.filter(pk=row.pk).update(on=True, since=NOON)
    measured_by = guarding._priority

    def meanwhile(organisation: Organisation, since: Any) -> Any:
        found = measured_by(organisation, since)
        switch_guard(as_supervisor, row.pk, on=False, note="手で止める", now=LATER)
        switch_guard(as_supervisor, row.pk, on=True, note="分類を直した", now=LATER)
        return found

    monkeypatch.setattr(guarding, "_priority", meanwhile)
    assert look_at_guards(police, LATER) == []
    row.refresh_from_db()
    assert (row.on, row.note, row.n) == (True, "分類を直した", 0)


def test_what_a_newer_judgement_replaced_no_longer_counts_for_one(
    flagged: Make, police: Organisation, as_analyst: Actor, live: Source
) -> None:
    """Reopened by an edit, then nobody could tell: the older judgement stands no more."""
    (case,) = flagged(1, "not_in_scope")
    row = post(case.post.native_id, "日当 受け子 逮捕 書き換えた", author_id="a0")
    arrive(live, [row], [finding(spans=[RECEIVER])], NOON + timedelta(minutes=5))
    case.refresh_from_db()
    case.post.refresh_from_db()
    assert case.state == Case.State.WAITING
    decide(as_analyst, case.pk, "cannot_tell", version_id=case.post.current_id or 0, now=NOON + timedelta(minutes=9))
    count(police)
    assert measured(as_analyst).get(("detector", "test 1")) is None or (
        measured(as_analyst)["detector", "test 1"].single.n == 0
    )


def test_a_word_switched_by_one_body_is_told_to_the_others(
    store: Path, police: Organisation, hotline: Organisation, as_supervisor: Actor
) -> None:
    overlay = Path(settings.YOAKE_CATEGORIES)
    add_phrase(overlay, SLUG, Phrase("receiver", "ニコニコ隊", 1.8, "ja", "2026-11", "accepted by a supervisor", ""))
    look_again()
    for body in (police, hotline):
        look_at_guards(body, NOON)
    (word,) = own_words(overlay, SLUG)
    switch_guard(as_supervisor, guard(police, f"word:{SLUG}:{word.key}").pk, on=False, note="誤検知", now=LATER)
    told = Entry.objects.get(kind="guard_off", organisation=hotline.pk)
    assert (told.actor, told.facts["category"]) == (f"organisation:{police.pk}", SLUG)
    for body in (police, hotline):
        take_round(Round(organisation=body, name="changes"), LATER)
        take_round(Round(organisation=body, name="changes"), LATER)
    alarm = Alarm.objects.get(kind="changed")
    assert (alarm.organisation, alarm.category, alarm.facts["what"]) == (hotline, SLUG, "guard_off")
    look_at_guards(hotline, LATER)
    assert not guard(hotline, f"word:{SLUG}:{word.key}").on
