"""Judging twice and known answers on the pages: what they show, and what they do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.casework.test_reviews import share
from tests.world import arrive, finding, post
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case, Decision, SecondReview
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.quality.reviews import judge_again
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db

REASON = "受け子を募っていると読める"


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def drawn() -> Iterator[None]:
    with share(1.0):
        yield


@pytest.fixture
def case(live: Source) -> Case:
    rows = [post("1", "受け子 募集 高額", author_id="a", author_handle="h"), post("2", "別の投稿", author_id="a")]
    arrive(live, rows, [finding(0), finding(1)], timezone.now())
    return Case.objects.select_related("post").order_by("pk")[0]


def first(actor: Actor, case: Case, verdict: str = "in_scope", category: str = "drug_ad") -> Decision:
    assert case.post.current_id is not None
    slug = category if verdict == "in_scope" else ""
    return decide(
        actor, case.pk, verdict, version_id=case.post.current_id, category_slug=slug, reason=REASON, now=timezone.now()
    )  # fmt: skip


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_the_second_person_sees_the_page_of_a_waiting_case(
    case: Case, as_analyst: Actor, analyst: User, supervisor: User, drawn: None
) -> None:
    """Nothing of the first judgement on any page the second person opens; what they saw before it is what they see after."""
    theirs = signed_in(supervisor)
    address = f"/case/{case.pk}/"
    before = text(theirs, address)
    first(as_analyst, case)
    other = Case.objects.exclude(pk=case.pk).get()
    pages = {
        place: text(theirs, place)
        for place in (address, "/live/", "/reviews/", "/search/?q=受け子", f"/case/{other.pk}/", f"/case/{other.pk}/similar/", f"{address}?decided={case.pk}")
    }  # fmt: skip
    for place, page in pages.items():
        told = re.sub(r"<(select|header|script|noscript|dialog)\b.*?</\1>", "", page, flags=re.DOTALL)
        assert REASON not in page, place
        assert "verdict-tag" not in page, place
        assert "Illegal drug" not in told, place
        assert ">analyst<" not in told, place
        assert "made a decision" not in told, place
    assert "Second judgement" in pages[address]
    assert 'name="verdict"' in pages[address]

    def elements_of(page: str) -> list[str]:
        form = re.search(r"<form[^>]*data-decide.*?</form>", page, re.DOTALL)
        assert form is not None
        return re.findall(r'name="(verdict|category|element|reason|version_id)"(?: value="([^"]*)")?', form[0])

    assert elements_of(pages[address]) == elements_of(before), "the same page, the same elements"


def test_the_first_person_sees_their_own(case: Case, as_analyst: Actor, analyst: User, drawn: None) -> None:
    first(as_analyst, case)
    page = text(signed_in(analyst), f"/case/{case.pk}/")
    assert REASON in page
    assert "Second judgement" not in re.sub(r"<header.*?</header>", "", page, flags=re.DOTALL), (
        "nor that they were drawn"
    )


def answer(client: Client, case: Case, verdict: str, category: str = "") -> str:
    posted = client.post(
        f"/case/{case.pk}/decide/",
        {"verdict": verdict, "category": category, "version_id": case.post.current_id, "reason": ""},
        follow=True,
    )
    assert posted.status_code == 200
    return posted.content.decode()


def test_a_second_judgement_alike(case: Case, as_analyst: Actor, supervisor: User, drawn: None) -> None:
    first(as_analyst, case)
    page = answer(signed_in(supervisor), case, "in_scope", "drug_ad")
    assert "judged alike" in page
    assert SecondReview.objects.get().state == "agreed"
    assert Decision.objects.count() == 1


def test_a_supervisor_sees_both_and_settles(
    case: Case,
    as_analyst: Actor,
    as_supervisor: Actor,
    analyst: User,
    administrator: User,
    supervisor: User,
    drawn: None,
) -> None:
    first(as_analyst, case)
    page = answer(signed_in(supervisor), case, "not_in_scope")
    assert "judged otherwise" in page
    review = SecondReview.objects.get()
    assert review.state == "disagreed"
    assert "another supervisor settles it" in text(signed_in(supervisor), "/reviews/")
    chief = signed_in(administrator)
    shown = text(chief, "/reviews/")
    assert REASON in shown
    assert shown.count("verdict-tag") >= 2
    assert REASON in text(chief, f"/case/{case.pk}/")
    read = re.search(r'name="version_id" value="(\d+)"', shown)
    assert read is not None
    told = {"answer": "not_in_scope", "reason": "引用", "version_id": read[1]}
    done = chief.post(f"/reviews/{review.pk}/settle/", told, follow=True)
    assert "is settled" in done.content.decode()
    assert Case.objects.get(pk=case.pk).state == "decided"
    assert "Settled by" in text(chief, f"/case/{case.pk}/")
    mine = text(signed_in(analyst), "/decisions/")
    assert f"/case/{case.pk}/" in mine


def test_what_cannot_be_settled_says_why(
    case: Case, as_analyst: Actor, supervisor: User, administrator: User, drawn: None
) -> None:
    first(as_analyst, case)
    answer(signed_in(supervisor), case, "not_in_scope")
    review = SecondReview.objects.get()
    chief = signed_in(administrator)
    for told in ({}, {"answer": "other"}, {"answer": "in_scope:nothing"}, {"answer": "not_in_scope"}):
        shown = chief.post(f"/reviews/{review.pk}/settle/", told, follow=True)
        assert 'class="note error"' in shown.content.decode()
    assert SecondReview.objects.get().state == "disagreed"


def test_the_queue_leads_from_one_to_the_next(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, supervisor: User, analyst: User, drawn: None
) -> None:
    cases = [Case.objects.select_related("post").get(pk=one.pk) for one in many_waiting(3)]
    for one in cases:
        first(as_analyst, one)
    theirs = signed_in(supervisor)
    assert theirs.get("/reviews/next/").headers["location"] == f"/case/{cases[0].pk}/"
    posted = theirs.post(
        f"/case/{cases[0].pk}/decide/", {"verdict": "not_in_scope", "version_id": cases[0].post.current_id}
    )  # fmt: skip
    assert posted.headers["location"] == f"/case/{cases[1].pk}/"
    assert signed_in(analyst).get("/reviews/next/").headers["location"] == "/reviews/"


def test_the_number_of_queries_does_not_grow(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, as_supervisor: Actor, administrator: User,
    supervisor: User, drawn: None,
) -> None:  # fmt: skip
    cases = [Case.objects.select_related("post").get(pk=one.pk) for one in many_waiting(12)]
    chief, theirs = signed_in(administrator), signed_in(supervisor)

    def queries(client: Client, address: str) -> int:
        text(client, address)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            text(client, address)
        return len(seen)

    def three_more(batch: list[Case]) -> None:
        for one in batch:
            first(as_analyst, one)
            if one.pk % 2:
                judge_again(
                    as_supervisor, one.pk, "not_in_scope", version_id=one.post.current_id or 0, now=timezone.now()
                )

    three_more(cases[:4])
    before = queries(theirs, "/reviews/"), queries(chief, "/reviews/"), queries(theirs, "/decisions/")
    three_more(cases[4:])
    after = queries(theirs, "/reviews/"), queries(chief, "/reviews/"), queries(theirs, "/decisions/")
    assert after == before


@pytest.mark.parametrize("place", ["/reviews/", "/reviews/next/", "/decisions/", "/quality/gold/", "/quality/"])
def test_other_bodies_meet_nothing(place: str, case: Case, as_analyst: Actor, outsider: User, drawn: None) -> None:
    first(as_analyst, case)
    page = signed_in(outsider).get(place, follow=True).content.decode()
    assert f"/case/{case.pk}/" not in page


def test_a_colleagues_figures_are_a_week_old(
    case: Case, as_analyst: Actor, as_supervisor: Actor, analyst: User, supervisor: User, drawn: None
) -> None:
    first(as_analyst, case)
    judge_again(
        as_supervisor,
        case.pk,
        "in_scope",
        category_slug="drug_ad",
        version_id=case.post.current_id or 0,
        now=timezone.now(),
    )
    assert "κ" in text(signed_in(analyst), "/decisions/")
    theirs = signed_in(supervisor)
    assert "Nothing of this was judged twice yet" in text(theirs, f"/decisions/{analyst.pk}/")
    SecondReview.objects.update(closed_at=timezone.now() - timedelta(days=8))
    assert "κ" in text(theirs, f"/decisions/{analyst.pk}/")
    assert signed_in(analyst).get(f"/decisions/{supervisor.pk}/").status_code == 403
