"""What somebody typed about a post that is recorded only leaves their browser too."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-forgetting")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_REVIEW_SHARE": "0", "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> list[str]:
    command = [sys.executable, "-m", "tests.e2e.seed_case"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


@in_two_looks
def test_the_draft_of_a_record_only_judgement_leaves_the_tab(
    open_as: Open, cases: list[str], language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    case = cases[1 if language == "ja" else 2]
    page = open_as(language=language, viewport=viewport, color_scheme=scheme, at=f"/case/{case}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.locator("#id_category").select_option("child_abuse_material")
    page.locator("#id_reason").fill("消えるべき理由")
    kept = "() => Object.entries(sessionStorage).flat().join(' ')"
    assert "消えるべき理由" in page.evaluate(kept)
    page.locator("[data-decide] button.primary").click()
    page.wait_for_url(re.compile(rf"decided={case}"))
    toast = page.locator(".toast")
    expect(toast).to_contain_text("記録" if language == "ja" else "Recorded")
    expect(toast.get_by_role("button")).to_have_count(0)
    assert "消えるべき理由" not in page.evaluate(kept)
    assert problems_of(page, "record-only", f"{language}-{size}-{scheme}") == []
