"""The page "Why this one?": one finding taken apart, judged again, for whoever may read the case."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.models import Case, Finding
from yoake.casework.people.models import User
from yoake.casework.sources.models import Source
from yoake.tables.posts import posts_batch

pytestmark = pytest.mark.django_db

RECRUITING = "闇バイト募集。受け子と出し子、日当30万円、即日手渡し。身分証の写真をテレグラムへ。"


def told(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def judged(live: Source) -> Case:
    """A case with the findings of the judge on duty."""
    row = post("2", RECRUITING)
    findings = serving_detector().judge(posts_batch([row])).to_pylist()
    return Case.objects.get(pk=arrive(live, [row], findings).opened[0])


def about(case: Case, **which: Any) -> Finding:
    return Finding.objects.filter(version=case.post.current, **which).order_by("-score")[0]


def test_from_the_case_page_to_the_reasons(browser: Client, judged: Case) -> None:
    top = about(judged)
    address = f"/case/{judged.pk}/why/{top.pk}/"
    assert f'href="{address}"' in told(browser.get(f"/case/{judged.pk}/"))
    page = told(browser.get(address))
    assert "Why this one?" in page
    assert "What would have changed your mind?" in page
    assert page.count("<mark") >= 3
    assert page.count('<svg class="bar"') == len({(s["start"], s["end"], s["cue"]) for s in top.body["spans"]})
    assert top.body["nearest"]["text"] in page
    assert "nobody posted it" in page
    assert top.detector_version in page
    assert "style=" not in page  # the content security policy would drop it


def test_what_is_said_to_change_it_changes_it(browser: Client, live: Source) -> None:
    row = post(text="荷物を受け取るだけ、日給8万。テレグラムで連絡ください")
    judge = serving_detector()
    findings = judge.judge(posts_batch([row])).to_pylist()
    case = Case.objects.get(pk=arrive(live, [row], findings).opened[0])
    top = about(case)
    page = told(browser.get(f"/case/{case.pk}/why/{top.pk}/"))
    said = re.search(r"Without (.+?) it would not have come here", page)
    assert said, page
    changed = row["text"]
    for words in re.findall("“(.+?)”", said[1]):
        assert words in changed
        changed = changed.replace(words, "\n")
    kept = judge.judge(posts_batch([{**row, "text": changed}])).to_pylist()
    assert not any(f["category"] == top.category and f["grade"] != "low" for f in kept)


def test_a_finding_of_another_detector_than_today_says_so(browser: Client, live: Source) -> None:
    row = post(text="今日は鍋にします")
    case = Case.objects.get(pk=arrive(live, [row], [finding()]).opened[0])
    page = told(browser.get(f"/case/{case.pk}/why/{about(case).pk}/"))
    assert "The detector of today would not bring this post here" in page


def test_second_looks_and_trials_stand_apart_and_are_not_judged_again(browser: Client, judged: Case) -> None:
    version = judged.post.current
    counter = {"ja": "別の言葉。", "en": "Other words."}
    common = {"version": version, "category": "drug_ad", "hotline_class": "illegal", "score": 0.8, "grade": "mid"}
    look = Finding.objects.create(**common, detector="llm_judge", detector_version="1", body={"counter": counter})
    trial = Finding.objects.create(**common, detector="linear", detector_version="2", shadow=True, body={})
    page = told(browser.get(f"/case/{judged.pk}/why/{about(judged, category='criminal_recruitment').pk}/"))
    assert "Other findings about this post" in page
    assert "On trial: counts for nothing yet" in page
    page = told(browser.get(f"/case/{judged.pk}/why/{look.pk}/"))
    assert "Other words." in page
    assert "language model" in page
    assert 'class="absent"' not in page  # a second look ticks nothing, so nothing is missing
    assert browser.get(f"/case/{judged.pk}/why/{trial.pk}/").status_code == 200


def test_only_for_those_who_may_read_the_case(judged: Case, waiting: Case, outsider: User, browser: Client) -> None:
    address = f"/case/{judged.pk}/why/{about(judged).pk}/"
    assert Client().get(address).status_code == 302
    other = Client()
    other.force_login(outsider)
    assert other.get(address).status_code == 404
    assert browser.get(f"/case/{waiting.pk}/why/{about(judged).pk}/").status_code == 404  # of another case
    assert browser.post(address).status_code == 405


def test_what_was_erased_is_not_shown(browser: Client, judged: Case) -> None:
    judged.post.erased_at = timezone.now()
    judged.post.save()
    page = told(browser.get(f"/case/{judged.pk}/why/{about(judged).pk}/"))
    assert "The text was erased" in page
    assert "<mark" not in page
