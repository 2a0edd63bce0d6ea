"""Preserved evidence in a real browser: the box on the case page, what is taken out, the list of what nobody decided."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import DESK, Open, chromium, environment, in_two_looks, open_as, problems_of, server
from tests.e2e.test_wellbeing import told
from yoake.casework.evidence import bags

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures

SEALED = """
from django.utils import timezone
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case
from yoake.casework.people.models import User
from yoake.casework.people.queries import actor_of
from yoake.pipeline.duties.capture import capture
from yoake.pipeline.duties.seal import seal
from yoake.casework.evidence.models import Evidence
from datetime import timedelta
now = timezone.now()
cases = list(Case.objects.filter(practice=False, state="waiting", at_risk=False, minor=False, category="criminal_recruitment").order_by("pk")[:3])
case = cases[0]
while seal(now) + capture(now):
    pass
decide(actor_of(User.objects.get(username="tanaka")), case.pk, "in_scope", version_id=case.post.current_id,
       category_slug=case.category, reason="仕事の内容を示さずに高い報酬を示している。")
while seal(timezone.now()) + capture(timezone.now()):
    pass
Evidence.objects.filter(case__in=cases[1:]).update(ask_at=now, captured_at=now - timedelta(days=4))
print(case.pk, cases[1].pk)
"""


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> tuple[str, str]:
    """Numbers of a case whose evidence is sealed, and of one that nobody decided in time."""
    sealed, undecided = told(environment, SEALED).split()
    return sealed, undecided


@in_two_looks
def test_looking_at_evidence(
    open_as: Open, cases: tuple[str, str], language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    sealed, undecided = cases
    name = f"{language}-{scheme}-{size}"
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme, at=f"/case/{sealed}/")
    for summary in page.locator("#kept summary").all():
        summary.click()
    page.locator("#kept").scroll_into_view_if_needed()
    problems = problems_of(page, "evidence-sealed", name)
    page.goto(f"/case/{undecided}/")
    expect(page.locator("#kept .warning")).to_be_visible()
    problems += problems_of(page, "evidence-undecided", name)
    page.goto("/evidence/")
    expect(page.locator(".evidence-list > li").first).to_be_visible()
    problems += problems_of(page, "evidence-list", name)
    page.goto("/live/")
    expect(page.locator("#kept-title")).to_be_visible()
    assert problems == []


def test_a_bag_is_taken_out_by_keyboard(open_as: Open, cases: tuple[str, str]) -> None:
    sealed, _undecided = cases
    page = open_as("sato", at=f"/case/{sealed}/", viewport=DESK)
    page.locator(".kept-export summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="証拠一式を保存").focus()
    with page.expect_download() as taken:
        page.keyboard.press("Enter")
    assert taken.value.suggested_filename.endswith(".zip")
    assert bags.check(Path(taken.value.path()).read_bytes()).problems == []


def test_a_supervisor_answers(open_as: Open, cases: tuple[str, str]) -> None:
    _sealed, undecided = cases
    page = open_as("sato", at="/evidence/", language="en", viewport=DESK)
    page.get_by_role("button", name=f"Keep what was captured of case {undecided} ").click()
    expect(page.get_by_role("status").first).to_contain_text("another 72 hours")
    expect(page.locator(".evidence-list > li")).to_have_count(1)
    page.get_by_role("button", name="Erase what was captured").click()
    expect(page.locator("main")).to_contain_text("Nothing waits for your word.")
