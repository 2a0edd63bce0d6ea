"""What stands in the way of work and what does not: a warning where it is meant, keys where there is a keyboard, tables that go on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import PHONE, Open, chromium, environment, first_free, open_as, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures


def test_that_nothing_but_the_address_stays_is_said_where_it_is_chosen(open_as: Open) -> None:
    page = open_as("sato", language="en")
    first_free(page)
    warning = page.locator("#record-only")
    expect(warning).to_be_hidden()
    page.select_option("#id_category", "child_abuse_material")
    expect(warning).to_be_visible()


def test_what_cannot_be_undone_is_not_under_a_thumb(open_as: Open) -> None:
    desk = open_as("sato")
    stop = desk.locator(".row").first.locator(".row-stop")
    expect(stop).to_have_css("opacity", "0")
    desk.locator("[data-row]").first.focus()
    expect(stop).to_have_css("opacity", "1")
    phone = open_as("sato", viewport=PHONE, color_scheme="dark")
    expect(phone.locator(".row").first.locator(".row-stop")).to_be_hidden()
    assert phone.locator("kbd:visible").count() == 0
    first_free(phone)
    record = phone.locator(".decide > .primary")
    expect(record).to_have_css("position", "static")
    phone.check("input[name=verdict][value=cannot_tell]")
    expect(record).to_have_css("position", "sticky")
