"""The row of cases that are alike: what differs is shown, decided together, undone; the inbox and the case page tell of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.casework.test_alike import LONG, OTHER, come, copies
from tests.world import arrive, finding, post
from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case, Decision
from yoake.casework.link.models import Likeness
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.console.alike import Part, Steps, differences

pytestmark = pytest.mark.django_db


def text(client: Client, address: str) -> str:
    return str(client.get(address, follow=True).content.decode())


def chosen(*listed: Case) -> dict[str, object]:
    others = listed[1:]
    versions = {f"version_{case.pk}": case.post.current_id for case in listed}
    return {"with": [case.pk for case in others], **versions, "verdict": "not_in_scope"}


def told(parts: Sequence[Part]) -> str:
    marks = {"same": "{}", "added": "+{}+", "left_out": "-{}-"}
    return "".join(marks[one.kind].format("".join(part.text for part in one.parts)) for one in parts)


@pytest.mark.parametrize(
    ("ours", "theirs", "shown"),
    [
        ("新宿で荷物を運ぶ仕事", "池袋で荷物を運ぶ仕事", "-新宿-+池袋+で荷物を運ぶ仕事"),
        ("バイト募集", "バイト募集中", "バイト募集+中+"),
        ("アプリで連絡", "メールで連絡", "-アプリ-+メール+で連絡"),
        ("日給3万円", "日給15万円", "日給-3-+15+万円"),
        ("東京の仕事", "大阪な仕事", "-東京の-+大阪な+仕事"),
        ("aaaaa", "aaaaa\u202eb", "aaaaa+b+"),
        ("", "x", "+x+"),
    ],
)
def test_differing_words(ours: str, theirs: str, shown: str) -> None:
    assert told(differences(ours, theirs)) == shown


def test_what_both_say_at_length_is_cut_down_to_its_ends() -> None:
    same = "荷物を運ぶ仕事です。" * 12
    shown = told(differences(same + "東" + same, same + "西" + same))
    assert len(shown) < 120
    assert "-東-+西+" in shown
    assert shown.count(" … ") == 2


def test_very_long_texts_are_compared_by_lines() -> None:
    same = "".join(f"{i}行目の話\n" for i in range(900))
    assert "-終わり-+おわり+" in told(differences(same + "終わり", same + "おわり"))


def test_texts_of_very_many_lines_are_not_compared_at_all() -> None:
    ours, theirs = ("".join(f"{i}{sign}\n" for i in range(20_000)) for sign in "甲乙")
    assert len(differences(ours, theirs)) == 2, "all of the one, all of the other: whoever writes it freezes nobody"


def test_comparing_is_bounded_whatever_somebody_writes() -> None:
    steps = Steps()
    for one, other in (
        ("。" * 1999, "。" * 2000),
        ("あ。" * 999, "い。" * 999),
        ("\n" * 60_000 + "1", "\n" * 60_000 + "2"),
    ):
        before = steps.left
        assert {part.kind for part in differences(one, other, steps)} >= {"left_out", "added"}
        assert before - steps.left <= 1_000_000 + len(one + other)  # about a tenth of a second
    steps.left = 0
    assert told(differences("東京", "東京で", steps)) == "-東京-+東京で+"  # the page has compared enough


def test_the_inbox_shows_one_row_and_how_many_lie_under_it(browser: Client, live: Source) -> None:
    leader, *_others = come(live, *copies(4))
    shown = text(browser, "/live/")
    assert shown.count("data-row>") == 1
    assert "+3 alike" in shown
    assert f'href="/case/{leader.pk}/alike/"' in shown


def test_the_inbox_asks_as_much_for_many_rows_as_for_few(browser: Client, live: Source) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            text(browser, "/live/")
        return len(queries)

    come(live, *copies(2))
    few = asked()
    come(live, *(f"{OTHER} {word}" for word in "山川海空森"), first=10)
    come(live, *copies(6), first=30)
    assert asked() == few


def test_the_row_page_shows_the_differing_words(browser: Client, live: Source) -> None:
    leader, one, two = come(live, LONG, LONG.replace("関東", "関西"), LONG + " 十五番")
    perhaps = come(live, "【注意】" + LONG + "という投稿が届いた", first=8)[0]
    shown = text(browser, f"/case/{one.pk}/alike/")  # of any case of the row
    assert f'action="/case/{leader.pk}/alike/decide/"' in shown
    assert re.search(r"<del>.*?東.*?</del><ins>.*?西.*?</ins>", shown)
    ticked = re.findall(r'name="with" value="(\d+)" data-row( checked)?', shown)
    assert ticked == [(str(two.pk), " checked"), (str(one.pk), " checked"), (str(perhaps.pk), "")]  # the likest first
    assert "perhaps alike" in shown


def test_the_row_page_asks_as_much_for_many_as_for_few(browser: Client, live: Source) -> None:
    leader, *_others = come(live, *copies(3))

    def asked() -> int:
        text(browser, f"/case/{leader.pk}/alike/")  # the views are noted
        with CaptureQueriesContext(connection) as queries:
            text(browser, f"/case/{leader.pk}/alike/")
        return len([query for query in queries if "audit_" not in query["sql"]])

    few = asked()
    come(live, *copies(12), first=20)
    assert asked() == few


def test_decided_together_and_undone_one_by_one(browser: Client, live: Source, as_supervisor: Actor) -> None:
    from yoake.casework.cases.leases import take_lease

    leader, one, two = listed = come(live, *copies(3))
    take_lease(as_supervisor, two.pk, timezone.now())
    answer = browser.post(f"/case/{leader.pk}/alike/decide/", chosen(*listed), follow=True)
    shown = answer.content.decode()
    assert f"Case {two.pk} was not decided: This post is held by a colleague" in shown
    assert "2 decisions stand." in shown
    batch = Decision.objects.values_list("batch", flat=True).distinct().get()
    shown = browser.post(f"/together/{batch}/undo/", {"case": one.pk}, follow=True).content.decode()
    assert "1 decision is undone" in shown
    assert "1 decision stands." in shown
    assert Case.objects.get(pk=one.pk).state == "waiting"
    browser.post(f"/together/{batch}/undo/")
    assert not Case.objects.exclude(state="waiting").exists()


def test_what_changed_since_it_was_shown_is_told(browser: Client, live: Source) -> None:
    leader, one = listed = come(live, *copies(2))
    form = chosen(*listed)
    arrive(live, [post("n1", LONG + " もう違う", author_id="a1")], [finding(0)])
    shown = browser.post(f"/case/{leader.pk}/alike/decide/", form, follow=True).content.decode()
    assert f"Case {one.pk} was not decided" in shown
    assert Case.objects.get(pk=one.pk).state == "waiting"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"verdict": ""}, "choose in scope, not in scope or cannot tell"),
        ({"verdict": "duplicate"}, "choose in scope, not in scope or cannot tell"),
        ({"verdict": "in_scope", "category": ""}, "choose the category that holds"),
        ({"verdict": "in_scope", "category": "child_abuse_material"}, "choose the category that holds"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_lost(
    browser: Client, live: Source, form: dict[str, str], says: str
) -> None:
    leader, one = listed = come(live, *copies(2))
    answer = browser.post(
        f"/case/{leader.pk}/alike/decide/", {**chosen(*listed), "with": [], "reason": "書きかけ", **form}
    )
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert says in shown
    assert "書きかけ" in shown
    assert re.findall(r'name="with" value="(\d+)" data-row( checked)?', shown) == [(str(one.pk), "")]
    assert not Decision.objects.exists()


def test_split_out_and_fold_from_the_page(browser: Client, live: Source) -> None:
    leader, one = come(live, *copies(2))
    address = f"/case/{one.pk}/alike/{leader.pk}/"
    browser.post(address, {"same": "no", "row": "1", "back": leader.pk})
    assert Case.objects.get(pk=one.pk).folded_into is None
    browser.post(address, {"same": "yes", "row": "1", "back": leader.pk})
    assert Case.objects.get(pk=one.pk).folded_into_id == leader.pk
    assert Likeness.objects.get().by is not None


def test_similar_cases_beside_a_case(browser: Client, live: Source) -> None:
    leader, one = come(live, *copies(2))
    stranger = come(live, OTHER, first=9)[0]
    browser.post(f"/case/{one.pk}/decide/", {"version_id": one.post.current_id, "verdict": "not_in_scope"})
    shown = text(browser, f"/case/{leader.pk}/similar/")
    assert f"Case {one.pk}" in shown
    assert "verdict-tag not_in_scope" in shown
    assert text(browser, f"/case/{stranger.pk}/similar/").strip() == ""


def test_beside_a_case_stand_a_few_and_the_number_of_all(browser: Client, live: Source) -> None:
    leader, *others = come(live, *copies(7))
    come(live, OTHER, first=20)
    shown = text(browser, f"/case/{leader.pk}/similar/")
    assert shown.count("<li>") == 3
    assert "with 6 that wait" in shown
    assert "3 more" in shown
    assert f"/case/{leader.pk}/alike/" in shown
    assert "the same but for digits and addresses" in shown
    assert "100%" not in shown
    assert f"Case {others[-1].pk}<" not in shown


def test_the_reason_the_page_makes_is_true_of_each(browser: Client, live: Source) -> None:
    leader, one = come(live, LONG, LONG.replace("、服装も自由", ""))
    name = category("criminal_recruitment").elements[0].name
    at = LONG.index("服装も自由")
    ticked = {
        "element": f"criminal_recruitment {name} text {at} {at + 5}",
        "composed": "yes",
        "reason": "「服装も自由」との記載",
    }
    form = {**chosen(leader, one), "verdict": "in_scope", "category": "criminal_recruitment", **ticked}
    browser.post(f"/case/{leader.pk}/alike/decide/", form)
    of_leader, of_one = (Decision.objects.get(case=case).reason for case in (leader, one))
    assert "服装も自由" in of_leader
    assert of_one == ""


def test_others_see_nothing(live: Source, outsider: User, browser: Client) -> None:
    leader, one = listed = come(live, *copies(2))
    browser.post(f"/case/{leader.pk}/alike/decide/", chosen(*listed))
    batch = Decision.objects.values_list("batch", flat=True).distinct().get()
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(outsider)
    acts: list[Callable[[], object]] = [
        lambda: client.get(f"/case/{leader.pk}/alike/"),
        lambda: client.get(f"/case/{leader.pk}/similar/"),
        lambda: client.get(f"/together/{batch}/"),
        lambda: client.post(f"/case/{leader.pk}/alike/decide/", chosen(*listed)),
        lambda: client.post(f"/case/{one.pk}/alike/{leader.pk}/", {"same": "no"}),
    ]
    assert [act().status_code for act in acts] == [404] * 5  # type: ignore[attr-defined]


def test_what_another_body_holds_shows_no_words(browser: Client, live: Source, as_outsider: Actor) -> None:
    from yoake.casework.cases.models import Lease

    leader, one = come(live, LONG, LONG.replace("関東", "関西"))
    Lease.objects.create(
        post=one.post,
        organisation_id=as_outsider.organisation_id,
        user_id=as_outsider.user_id,
        taken_at=timezone.now(),
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    shown = text(browser, f"/case/{leader.pk}/alike/")
    assert "held by another body" in shown
    assert "関西" not in shown
    assert f'name="with" value="{one.pk}"' not in shown
