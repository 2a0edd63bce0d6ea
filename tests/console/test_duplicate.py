from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.world import arrive, finding, post
from yoake.casework.cases import actions
from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db

Many = Callable[[int], list[Case]]


def send(browser: Client, case: Case, **more: str) -> int:
    answer = browser.post(
        f"/case/{case.pk}/decide/", {"verdict": "duplicate", "version_id": str(case.post.current_id), **more}
    )
    return answer.status_code


def test_the_case_page_offers_it(browser: Client, waiting: Case) -> None:
    page = browser.get(f"/case/{waiting.pk}/").content.decode()
    assert 'value="duplicate" data-keys="4"' in page
    assert f'hx-get="/case/{waiting.pk}/repeats/"' in page


@pytest.mark.parametrize("by", ["number", "chosen", "address"])
def test_recording_it(browser: Client, by: str, waiting: Case, as_analyst: Actor) -> None:
    other = actions.add_by_hand(as_analyst, url="https://social.example/post/1").case
    sent = {
        "number": {"duplicate_of": str(other.pk)},
        "chosen": {"duplicate_of": "", "duplicate_chosen": str(other.pk)},
        "address": {"duplicate_of": "https://social.example/post/1"},
    }[by]
    assert send(browser, waiting, **sent) == 302
    assert waiting.decisions.get().duplicate_of == other
    page = browser.get(f"/case/{waiting.pk}/").content.decode()
    assert f'<a href="/case/{other.pk}/">of case {other.pk}</a>' in page
    assert f"duplicate of case {other.pk}" in page  # in the log
    assert browser.get("/live/").status_code == 200


@pytest.mark.parametrize("typed", ["", "999999", "nonsense", "https://social.example/nowhere"])
def test_a_duplicate_of_nothing(browser: Client, waiting: Case, typed: str) -> None:
    assert send(browser, waiting, duplicate_of=typed) == 409
    page = browser.post(
        f"/case/{waiting.pk}/decide/",
        {"verdict": "duplicate", "version_id": str(waiting.post.current_id), "duplicate_of": typed},
    ).content.decode()
    assert "Case that this one repeats: the number of another case" in page
    assert 'value="duplicate" data-keys="4" checked' in page
    assert not waiting.decisions.exists()


def test_likely_cases_are_shown(browser: Client, live: Source, as_outsider: Actor) -> None:
    same = "荷物を運ぶだけ 日給8万円"
    actions.add_by_hand(as_outsider, text=same)
    taken = arrive(live, [post("1", same, author_id="a"), post("2", same, author_id="a")], [finding(0), finding(1)])
    one, two = taken.opened
    page = browser.get(f"/case/{one}/repeats/").content.decode()
    assert f'name="duplicate_chosen" value="{two}"' in page
    assert "the same author and words" in page
    assert page.count("<li>") == 1
    assert "No other case of this desk" in browser.get(f"/case/{one}/repeats/?duplicate_of=987654").content.decode()
    foreign = Case.objects.exclude(pk__in=[one, two]).get()
    assert browser.get(f"/case/{foreign.pk}/repeats/").status_code == 404
