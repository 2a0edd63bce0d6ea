"""What pages show of what another body holds and of a first judgement, and the line that each look leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.casework.test_reviews import share
from tests.console.test_reviews import REASON, first, signed_in, text
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.advice import ask_advice
from yoake.casework.cases.checks import hand_over
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.models import Case, Check, SecondReview
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.quality import gold
from yoake.casework.quality.reviews import judge_again
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db

WORDS = "ぽかぽか便 受け子 募集"


@pytest.fixture
def cases(live: Source) -> list[Case]:
    """Four cases of one author that say the same."""
    rows = [post(str(n), WORDS, author_id="a", url=f"https://sns.example/u/{n}") for n in range(4)]
    taken = arrive(live, rows, [finding(n) for n in range(4)], timezone.now() - timedelta(hours=2))
    return list(Case.objects.select_related("post").filter(pk__in=taken.opened).order_by("pk"))


def seen(user: User) -> set[str]:
    """What a person looked at, by the audit."""
    views = Entry.objects.filter(actor=f"user:{user.pk}", kind__in=("case_viewed", "in_scope_viewed"))
    return set(views.values_list("subject", flat=True))


def of(*cases: Case) -> set[str]:
    return {f"case:{case.pk}" for case in cases}


def by_hand(case: Case) -> None:
    row = Check.objects.filter(case=case, outcome="").order_by("due_at")[0]
    hand_over(row, "unchecked")
    Check.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(minutes=1))


def test_each_page_that_prints_words_notes_whose_they_are(
    cases: list[Case], analyst: User, as_analyst: Actor, supervisor: User, administrator: User, police: Organisation
) -> None:
    one, two, three, four = cases
    first(as_analyst, one)
    by_hand(one)
    mine = signed_in(analyst)
    text(mine, "/checks/")
    assert seen(analyst) == of(one)
    text(mine, f"/case/{one.pk}/repeats/?duplicate_of={two.pk}")
    assert seen(analyst) == of(one, two)
    text(mine, f"/case/{three.pk}/elements/?category=drug_ad")
    assert seen(analyst) == of(one, two, three)
    with share(1.0):
        first(as_analyst, four)
    judge_again(actor_of(supervisor), four.pk, "not_in_scope", version_id=four.post.current_id or 0)
    chief = signed_in(administrator)
    assert WORDS in text(chief, "/reviews/")
    assert seen(administrator) == of(four)
    gold.mark_gold(actor_of(supervisor), one.pk, "はっきりしている")
    assert WORDS in text(chief, "/quality/gold/")
    assert seen(administrator) == of(one, four)
    user = User.objects.create_user("partner", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role="partner")
    assert WORDS in text(signed_in(user), "/in-scope/")
    assert seen(user) == of(one)


def test_what_is_held_elsewhere_is_not_on_the_pages_of_quality(
    cases: list[Case], as_analyst: Actor, supervisor: User, administrator: User, as_outsider: Actor
) -> None:
    one, two, *_ = cases
    first(as_analyst, one)
    gold.mark_gold(actor_of(supervisor), one.pk, "はっきりしている")
    with share(1.0):
        first(as_analyst, two)
    judge_again(actor_of(supervisor), two.pk, "not_in_scope", version_id=two.post.current_id or 0)
    chief = signed_in(administrator)
    place_hold(as_outsider, "account", "a", network="test", days=30)
    for address in ("/reviews/", "/quality/gold/"):
        page = text(chief, address)
        assert "held by another body" in page, address
        for hidden in (WORDS, REASON, "settle/"):
            assert hidden not in page, address
    assert seen(administrator) == set()


def test_no_page_tells_the_first_judgement(
    cases: list[Case], as_analyst: Actor, supervisor: User, administrator: User
) -> None:
    case, other, *_ = cases
    Case.objects.filter(pk=case.pk).update(minor=True)  # then "in scope" demands a second judgement
    ask_advice(as_analyst, case.pk, "共犯に当たりますか")
    first(as_analyst, case)
    by_hand(case)
    theirs, chief = signed_in(supervisor), signed_in(administrator)
    for address in ("/search/?q=ぽかぽか便", f"/case/{other.pk}/repeats/?duplicate_of={case.pk}"):
        page = text(theirs, address)
        assert "waiting" in page, address
        assert "second review" not in page, address
    assert f"/case/{case.pk}/" not in text(theirs, "/checks/")
    assert "共犯" not in text(theirs, f"/case/{case.pk}/")
    told = "made a decision"
    address = f"/audit/?subject=case:{case.pk}"
    lines = text(chief, address).partition("<tbody>")[2]
    assert told not in lines
    file = chief.post("/audit/file/", {"subject": f"case:{case.pk}"}).content.decode()
    assert "in_scope" not in file
    judge_again(actor_of(supervisor), case.pk, "not_in_scope", version_id=case.post.current_id or 0)
    assert SecondReview.objects.get().state == "disagreed"
    assert told in text(chief, address).partition("<tbody>")[2], "who settles it sees both"


def test_lists_ask_as_much_for_one_as_for_many(
    live: Source, as_analyst: Actor, analyst: User, supervisor: User, administrator: User
) -> None:
    def queries(client: Client, address: str) -> int:
        text(client, address)  # what is noted once is noted
        with CaptureQueriesContext(connection) as asked:
            text(client, address)
        return len(asked)

    def more(start: int, n: int) -> None:
        rows = [post(str(start + i), WORDS, author_id="a", url=f"https://sns.example/u/{start + i}") for i in range(n)]
        opened = arrive(live, rows, [finding(i) for i in range(n)], timezone.now() - timedelta(hours=2)).opened
        for case in Case.objects.select_related("post").filter(pk__in=opened).order_by("pk"):
            first(as_analyst, case)
            by_hand(case)
            gold.mark_gold(actor_of(supervisor), case.pk, "はっきりしている")

    mine, chief = signed_in(analyst), signed_in(administrator)
    more(0, 2)
    asked = {"/checks/": mine, "/search/?q=ぽかぽか便": mine, "/quality/gold/": chief, "/audit/": chief}
    before = {address: queries(client, address) for address, client in asked.items()}
    more(10, 6)
    assert {address: queries(client, address) for address, client in asked.items()} == before
