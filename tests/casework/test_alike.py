"""Near-duplicates: what is found, what folds by itself and what never does, how it comes out again, what goes with the words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases import actions as cases
from yoake.casework.cases.erasing import erase, forget_everywhere
from yoake.casework.cases.folds import come_out, surface
from yoake.casework.cases.models import Case, Comparison, Decision, Guard
from yoake.casework.link import actions, alike, queries
from yoake.casework.link.models import Band, Likeness, Signature
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.fold import fold

pytestmark = pytest.mark.django_db

LONG = (
    "関東で荷物を受け取って運ぶだけの簡単なお仕事です。未経験でも大丈夫、服装も自由、その日のうちに手渡しします。"
    "身分証の写真を送ってくれた方から順番に案内します。詳しいことは鍵のかかるアプリで"
)
OTHER = "週末は家族と動物園に行って、帰りにいつもの喫茶店で甘いものを食べました。来週は山に登る予定なので晴れるといいな"


def come(source: Source, *texts: str, first: int = 0, **more: Any) -> list[Case]:
    """Lets posts arrive, each of an author of its own, and compares them."""
    rows = [post(f"n{first + i}", text, author_id=f"a{first + i}") for i, text in enumerate(texts)]
    taken = arrive(source, rows, [finding(i, **more) for i in range(len(texts))])
    fold(NOON)
    return list(Case.objects.filter(pk__in=taken.opened).order_by("pk"))


def copies(n: int) -> list[str]:
    return [LONG + f" {i}番 https://a{i}.example/x" for i in range(n)]


def shown(*listed: Case) -> dict[int, int]:
    return {case.pk: case.post.current_id or 0 for case in listed}


def test_copies_by_different_accounts_fold_into_the_oldest(live: Source) -> None:
    leader, *others = come(live, *copies(4))
    stranger = come(live, OTHER, first=10)[0]
    assert [case.folded_into_id for case in (leader, *others, stranger)] == [None, *[leader.pk] * 3, None]
    assert queries.under_counts([leader.pk, stranger.pk]) == {leader.pk: 3}
    assert not Comparison.objects.exclude(due_at=None).exists()
    line = Entry.objects.filter(kind="folded").first()
    assert line is not None
    assert line.facts == {"into": leader.pk, "likeness": 100, "automatic": True}
    assert first_break() is None


def test_done_twice_it_changes_nothing(live: Source) -> None:
    come(live, *copies(3))
    before = [list(model.objects.order_by("pk").values()) for model in (Band, Likeness, Case)]
    Comparison.objects.update(due_at=NOON)
    assert fold(NOON + timedelta(minutes=6)) == 3
    assert [list(model.objects.order_by("pk").values()) for model in (Band, Likeness, Case)] == before


@pytest.mark.parametrize(
    "text",
    [
        LONG.replace("簡単な", "きつい").replace("服装も自由", "スーツが必要").replace("順番に", "すぐに"),
        "【注意】" + LONG + " という投稿が出回っています",
        "うちの子のところにこれが来て困っています「" + LONG + "」",
    ],
)
def test_what_may_say_something_else_is_only_suggested(live: Source, text: str) -> None:
    first, second = come(live, LONG, text)
    assert second.folded_into is None
    pair = Likeness.objects.get()
    assert (pair.state, pair.one.case_id, pair.other.case_id) == ("suggested", second.pk, first.pk)
    assert 0.5 <= pair.likeness < 1


def test_short_texts_are_only_suggested(live: Source) -> None:
    _first, second = come(live, "高額バイト 詳しくはDMで", "高額バイト 詳しくはDMで!")
    assert second.folded_into is None
    assert Likeness.objects.get().state == "suggested"


def test_a_text_without_a_word_is_like_nothing(live: Source) -> None:
    come(live, "12345 6789", "98765", "https://a.example/1")
    assert not Signature.objects.exists()
    assert not Comparison.objects.exclude(due_at=None).exists()


@pytest.mark.parametrize("category", ["coerced_applicant"])
def test_nobody_at_risk_is_folded(live: Source, category: str, as_analyst: Actor) -> None:
    first, second = come(live, *copies(2), category=category)
    assert first.at_risk
    assert second.folded_into is None
    assert Likeness.objects.get().state == "confirmed"  # shown, and decided by itself
    with pytest.raises(Refused, match="in danger"):
        actions.confirm(as_analyst, second.pk, first.pk)
    with pytest.raises(IntegrityError), transaction.atomic():  # whoever forgets it is stopped by the database
        Case.objects.filter(pk=second.pk).update(folded_into=first)


@pytest.mark.parametrize("changed", [{"grade": "mid"}, {"prefecture": "福岡県"}, {"minor": True}])
def test_cases_that_are_worked_on_apart_do_not_fold_by_themselves(live: Source, changed: dict[str, Any]) -> None:
    (first,) = come(live, LONG)
    Case.objects.filter(pk=first.pk).update(prefecture="東京都")
    taken = arrive(live, [post("x", LONG + " 再")], [finding(0)])
    Case.objects.filter(pk=taken.opened[0]).update(**changed)
    fold(NOON)
    assert Case.objects.get(pk=taken.opened[0]).folded_into is None
    assert Likeness.objects.get().state == "confirmed"


def test_quality_switches_it_off_and_people_still_fold(live: Source, as_analyst: Actor) -> None:
    Guard.objects.create(organisation=live.organisation, name="folding", on=False, bar=0.9, since=NOON)
    assert not queries.fold_automatically_allowed(live.organisation_id)
    first, second = come(live, *copies(2))
    assert second.folded_into is None
    actions.confirm(as_analyst, second.pk, first.pk)
    assert Case.objects.get(pk=second.pk).folded_into_id == first.pk


def test_other_organisations_and_the_practice_desk_stay_apart(
    live: Source, practice: Source, as_outsider: Actor
) -> None:
    come(live, LONG)
    theirs = Source.objects.create(organisation_id=as_outsider.organisation_id, name="theirs", connector="jsonl")
    come(theirs, LONG + " 二", first=5)
    come(practice, LONG + " 三", first=7)
    assert not Likeness.objects.exists()
    assert Signature.objects.count() == 2
    with pytest.raises(BadInput):
        queries.waiting_together(as_outsider, Case.objects.order_by("pk")[0].pk)


def test_a_person_splits_out_and_folds_by_hand(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    leader, one, two = come(live, *copies(3))
    stranger = come(live, OTHER, first=10)[0]
    actions.reject(as_analyst, one.pk, leader.pk)
    assert Case.objects.get(pk=one.pk).folded_into is None
    assert leader.pk not in [other.case.pk for other in queries.similar(as_analyst, Case.objects.get(pk=one.pk))]
    actions.confirm(as_analyst, leader.pk, stranger.pk)  # with what lies under it
    assert set(Case.objects.filter(folded_into=stranger).values_list("pk", flat=True)) == {leader.pk, two.pk}
    actions.reject(as_analyst, stranger.pk, two.pk)  # whichever of the two is named, the one that lies under comes out
    assert Case.objects.get(pk=two.pk).folded_into is None
    with pytest.raises(BadInput):
        actions.confirm(as_outsider, one.pk, leader.pk)


def test_deciding_the_leader_leaves_nobody_unseen(live: Source, as_analyst: Actor) -> None:
    leader, one, two = come(live, *copies(3))
    cases.decide(as_analyst, leader.pk, "not_in_scope", version_id=leader.post.current_id or 0)
    assert [Case.objects.get(pk=case.pk).folded_into_id for case in (one, two)] == [None, one.pk]
    cases.undo(as_analyst, leader.pk)
    assert Case.objects.get(pk=leader.pk).folded_into is None


def test_an_edited_post_comes_out_and_is_compared_anew(live: Source) -> None:
    leader, one, two = come(live, *copies(3))
    arrive(live, [post("n0", OTHER, author_id="a0")], [finding(0)])
    assert [Case.objects.get(pk=case.pk).folded_into_id for case in (leader, one, two)] == [None, None, one.pk]
    assert not Signature.objects.filter(comparison__case=leader).exists()
    fold(NOON)
    assert Signature.objects.filter(comparison__case=leader).exists()
    assert not Likeness.objects.filter(one__case=leader).exists()


def test_what_lies_where_nobody_sees_it_is_surfaced(live: Source) -> None:
    leader, one, _two = come(live, *copies(3))
    Case.objects.filter(pk=leader.pk).update(state=Case.State.CLOSED)
    assert surface() == 2
    assert Case.objects.get(pk=one.pk).folded_into is None
    assert surface() == 0


def test_deciding_together(live: Source, as_analyst: Actor, as_supervisor: Actor) -> None:
    leader, *others = listed = come(live, *copies(6))
    held, edited, left = others[0], others[1], others[2]
    from yoake.casework.cases.leases import take_lease

    take_lease(as_supervisor, held.pk)
    seen = shown(*listed)
    del seen[left.pk]
    arrive(live, [post("n2", LONG + " 少し違う", author_id="a2")], [finding(0)])
    done = actions.decide_together(
        as_analyst, leader.pk, seen, "in_scope", category_slug="criminal_recruitment", reason="同じ文の募集"
    )
    assert {decision.case_id for decision in done.decided} == {leader.pk, others[3].pk, others[4].pk}
    assert {decision.batch for decision in done.decided} == {done.batch}
    assert {case_id for case_id, _why in done.refused} == {held.pk, edited.pk}
    assert Case.objects.get(pk=left.pk).state == "waiting"
    assert (
        not Case.objects.filter(state="waiting")
        .exclude(folded_into=None)
        .exclude(folded_into__state="waiting")
        .exists()
    )
    lines = Entry.objects.filter(kind="decided")
    assert sorted(line.subject for line in lines) == sorted(f"case:{d.case_id}" for d in done.decided)

    undone = cases.undo(as_analyst, others[3].pk)
    assert undone.undoes is not None
    rest = actions.undo_together(as_analyst, done.batch)
    assert {decision.case_id for decision in rest.decided} == {leader.pk, others[4].pk}
    assert not Case.objects.exclude(state="waiting").exists()
    assert actions.undo_together(as_analyst, done.batch).decided == []


def test_only_what_is_alike_and_was_shown_is_decided_together(
    live: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    leader, one = come(live, *copies(2))
    stranger = come(live, OTHER, first=9)[0]
    with pytest.raises(Refused):
        actions.decide_together(as_analyst, leader.pk, shown(one), "not_in_scope")
    with pytest.raises(BadInput):
        actions.decide_together(as_analyst, leader.pk, shown(leader, one), "perhaps")
    with pytest.raises(BadInput):
        actions.decide_together(as_outsider, leader.pk, shown(leader, one), "not_in_scope")
    done = actions.decide_together(as_analyst, leader.pk, shown(leader, one, stranger), "not_in_scope")
    assert [case_id for case_id, _why in done.refused] == [stranger.pk]
    assert Decision.objects.count() == 2


def test_elements_follow_their_words(live: Source, as_analyst: Actor) -> None:
    from yoake.casework.cases.categories import category
    from yoake.casework.cases.elements import Tied

    leader, one = come(live, LONG, "✨" + LONG.replace("、服装も自由", ""))
    assert one.folded_into_id == leader.pk
    name = category("criminal_recruitment").elements[0].name
    at, gone = LONG.index("身分証"), LONG.index("服装も自由")
    done = actions.decide_together(
        as_analyst,
        leader.pk,
        shown(leader, one),
        "in_scope",
        category_slug="criminal_recruitment",
        elements=[Tied(name, "text", at, at + 3), Tied(name, "text", gone, gone + 5)],
    )
    assert not done.refused
    of_leader, of_one = (Decision.objects.get(case=case).elements for case in (leader, one))
    assert [span["start"] for span in of_leader] == sorted((at, gone))
    assert [(span["start"], span["end"]) for span in of_one] == [
        (moved := at + len("✨") - len("、服装も自由"), moved + 3)
    ]


def test_nothing_that_was_made_of_the_words_stays_after_erasing(live: Source, as_analyst: Actor) -> None:
    first, second = come(live, *copies(2))
    actions.decide_together(as_analyst, first.pk, shown(first, second), "not_in_scope")
    assert Band.objects.count() == 2 * alike.BANDS
    assert erase(first.post, NOON + timedelta(hours=73))
    assert {row.comparison.case_id for row in Signature.objects.all()} == {second.pk}
    assert (Band.objects.count(), Likeness.objects.count()) == (alike.BANDS, 0)
    assert erase(second.post, NOON + timedelta(hours=73))
    assert not any(model.objects.exists() for model in (Signature, Band, Likeness, Comparison))


def test_the_database_alone_confirms_no_guess(live: Source, settings: Any) -> None:
    come(live, LONG)
    stored = Signature.objects.get()
    alike._key.cache_clear()
    assert alike.packed(alike.sign([LONG])[0].minima) == bytes(stored.minima)
    try:
        settings.SECRET_KEY = "another key"
        alike._key.cache_clear()
        guessed = alike.sign([LONG])[0]
        assert not (guessed.minima == alike.unpacked([stored.minima])[0]).any()
        assert queries.sharing_bands(alike.bands(guessed, live.organisation_id)) == []
    finally:
        alike._key.cache_clear()


def test_a_flood_of_copies_costs_as_much_as_a_few(live: Source) -> None:
    def queries_of_one(number: int) -> int:
        taken = arrive(live, [post(f"one{number}", LONG + f" {number}")], [finding(0)])
        row = Comparison.objects.get(case=taken.opened[0])
        with CaptureQueriesContext(connection) as asked:
            actions.compare(row, NOON)
        return len(asked)

    come(live, *copies(20))
    few = queries_of_one(1)
    come(live, *copies(80), first=100)
    assert queries_of_one(2) <= few + 1  # the leader is read apart when it is not among those found
    assert Case.objects.filter(folded_into=None).count() == 1


def test_come_out_is_harmless_for_a_case_of_its_own(waiting: Case) -> None:
    come_out(waiting)
    assert Case.objects.get(pk=waiting.pk).folded_into is None


def test_roles_that_may_not_decide(live: Source, as_analyst: Actor) -> None:
    first, second = come(live, *copies(2))
    reader = Actor(as_analyst.name, as_analyst.user_id, as_analyst.organisation_id, "auditor")
    acts: list[Callable[[], object]] = [
        lambda: actions.confirm(reader, second.pk, first.pk),
        lambda: actions.reject(reader, second.pk, first.pk),
        lambda: actions.decide_together(reader, first.pk, shown(first), "not_in_scope"),
        lambda: actions.undo_together(reader, "x"),
    ]
    for act in acts:
        with pytest.raises(Refused):
            act()


def _of(case: Case) -> int | None:
    return Case.objects.get(pk=case.pk).folded_into_id


def test_whatever_happens_to_a_folded_case_it_comes_out(
    live: Source, as_analyst: Actor, supervisor: Any, as_supervisor: Actor
) -> None:
    from yoake.casework.cases.leases import assign_to_oneself, hand_on
    from yoake.casework.cases.notes import mark_minor

    leader, handed, taken, young, *rest = come(live, *copies(7))
    hand_on(as_analyst, handed.pk, supervisor.pk)
    assign_to_oneself(as_analyst, taken.pk)
    mark_minor(as_analyst, young.pk, minor=True)
    assert [_of(case) for case in (handed, taken, young)] == [None] * 3
    assign_to_oneself(as_supervisor, leader.pk)  # with its row
    assert [_of(case) for case in rest] == [leader.pk] * 3
    mark_minor(as_analyst, leader.pk, minor=True)  # what is no minor's is not decided with it
    assert [_of(case) for case in (leader, *rest)] == [None, None, rest[0].pk, rest[0].pk]


def test_what_a_second_look_raises_comes_out_and_lets_out(live: Source) -> None:
    from yoake.casework.cases.models import SecondLook
    from yoake.casework.cases.second_looks import finish_look

    leader, one, *rest = come(live, *copies(4), grade="mid", score=0.4)
    for case in (one, leader):
        look = SecondLook.objects.create(version_id=case.post.current_id or 0, detector="pictures", due_at=NOON)
        found = {**finding(0, category="drug_ad", score=0.95), "shadow": False, "base": 0.0, "rest": 0.0, "frame": ""}
        found |= {"elements": [], "items": None, "nearest": [], "explanation": None, "counter": None, "spans": []}
        finish_look(look, "", [found], NOON)
        assert Case.objects.get(pk=case.pk).category == "drug_ad"
    assert [_of(case) for case in (leader, one, *rest)] == [None, None, None, rest[0].pk]


def test_what_lies_under_a_case_that_another_body_holds_comes_out(
    live: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    from yoake.casework.cases.models import Lease

    def hold(case: Case) -> None:
        theirs = {"organisation_id": as_outsider.organisation_id, "user_id": as_outsider.user_id}
        Lease.objects.create(post=case.post, taken_at=NOON, expires_at=NOON + timedelta(hours=1), **theirs)

    leader, held, one, two = come(live, *copies(4))
    for case in (leader, held):
        hold(case)
    assert actions.surface_held(NOON) == 2
    assert [_of(case) for case in (held, one, two)] == [leader.pk, None, one.pk]
    assert actions.surface_held(NOON) == 0
    hold(one)
    (new,) = come(live, LONG + " 新しい", first=20)
    assert new.folded_into is None  # each that it is like is out of reach
    actions.confirm(as_analyst, new.pk, leader.pk, NOON)
    assert _of(new) is None
    assert actions.surface_held(NOON + timedelta(hours=2)) == 0


def test_what_lay_under_an_erased_post_comes_out(live: Source) -> None:
    leader, one = come(live, *copies(2))
    forget_everywhere(leader.post, "stopped")
    assert _of(one) is None


def test_the_pages_own_reason_quotes_of_each_what_stands_there(live: Source, as_analyst: Actor) -> None:
    leader, one = come(live, LONG, LONG.replace("、服装も自由", ""))
    from yoake.casework.cases.categories import category
    from yoake.casework.cases.elements import Tied, quoted

    slug, at = "criminal_recruitment", LONG.index("服装も自由")
    tied = Tied(category(slug).elements[0].name, "text", at, at + 5)
    done = actions.decide_together(
        as_analyst, leader.pk, shown(leader, one), "in_scope", category_slug=slug, elements=[tied],
        reason=lambda version, ticked: "".join(part.words for part in quoted(version, ticked)),
    )  # fmt: skip
    assert {one.case_id: one.reason for one in done.decided} == {leader.pk: "服装も自由", one.pk: ""}


def test_the_row_of_a_person_at_risk_is_not_decided_together(live: Source, as_analyst: Actor) -> None:
    first, second = come(live, *copies(2), category="coerced_applicant")
    with pytest.raises(Refused, match="in danger"):
        actions.decide_together(as_analyst, first.pk, shown(first, second), "not_in_scope")
    assert not Decision.objects.exists()
