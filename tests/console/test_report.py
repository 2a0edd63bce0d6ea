"""The pages of reports, and the fast lane on inbox and case."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.console.test_pages import as_user
from tests.outbox_world import decided
from tests.report_world import confirmed, drafted, ready
from tests.world import arrive, finding, post
from yoake.casework.cases.models import Case
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.report.models import EmergencyCall, Report
from yoake.casework.report.urgent import note_call
from yoake.casework.sources.models import Source
from yoake.pipeline.duties.send import send

pytestmark = pytest.mark.django_db

TEXT = "大阪で高額バイト <b>詳しくは</b>DMで"


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    """Stands in scope, and names Osaka."""
    return decided(as_analyst, live, text=TEXT, profile="札幌", url="https://social.example/1")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def urgent_case(source: Source, category: str = "serious_crime", native_id: str = "9", minutes: int = 7) -> Case:
    row = post(
        native_id, "今夜 大阪", author_id="z", author_handle="somebody", url=f"https://social.example/{native_id}"
    )
    taken = arrive(source, [row], [finding(category=category)], timezone.now() - timedelta(minutes=minutes))
    return Case.objects.get(pk=taken.opened[0])


# --- reports --------------------------------------------------------------------------------------------------------------


def test_from_the_case_to_the_result(
    browser: Client, supervisor: User, case: Case, as_administrator: Actor, analyst: User
) -> None:
    confirmed(as_administrator, "police_osaka")
    assert f"/case/{case.pk}/report/" in page(browser, f"/case/{case.pk}/")
    told = page(browser, f"/case/{case.pk}/report/")
    assert told.index("Osaka Prefectural Police") < told.index("Hokkaido Prefectural Police")
    assert "“大阪” (post) points to 大阪府" in told
    assert "“札幌” (profile) points to 北海道" in told
    form = page(browser, f"/case/{case.pk}/report/?to=prefectural_police:police_osaka")
    assert "Brought or sent by a person" in form
    assert "Mail is not offered: no mailbox of your organisation is set up to send." in form
    assert "its web form" not in form
    given = {"to": "prefectural_police:police_osaka", "channel": "by_hand", "reason": "高額とだけある。"}
    answer = browser.post(f"/case/{case.pk}/report/", given)
    report = Report.objects.get()
    assert answer["Location"] == f"/report/{report.pk}/"
    told = page(browser, f"/report/{report.pk}/")
    assert "高額とだけある。" in told
    item = OutboxItem.objects.get()
    second = as_user(supervisor)
    assert second.post(f"/report/{report.pk}/act/", {"act": "approve", "bound": "0" * 64}).status_code == 409
    assert second.post(f"/report/{report.pk}/act/", {"act": "approve", "bound": item.bound}).status_code == 302
    assert "it is looked at once more" in page(browser, f"/report/{report.pk}/")
    due = OutboxItem.objects.get().due_at
    assert due is not None
    send(due)
    told = page(browser, f"/report/{report.pk}/")
    assert "Take the package (ZIP)" in told
    assert "架空県架空市一丁目1番" in told
    taken = browser.post(f"/report/{report.pk}/package/")
    assert taken["Content-Disposition"] == f'attachment; filename="report-{case.pk}-1.zip"'
    assert "cover.pdf" in zipfile.ZipFile(io.BytesIO(taken.content)).namelist()
    assert browser.get(f"/report/{report.pk}/cover/").content.startswith(b"%PDF-")
    act = f"/report/{report.pk}/act/"
    assert browser.post(act, {"act": "handed_over", "medium": "usb", "receipt": "R-1"}).status_code == 302
    assert browser.post(act, {"act": "acknowledge", "receipt": "A-1"}).status_code == 302
    assert browser.post(act, {"act": "result", "result": "accepted", "note": "受理"}).status_code == 302
    told = page(browser, "/reports/")
    assert "taken up" in told
    assert "A-1" in told
    assert "Osaka Prefectural Police" in page(browser, f"/case/{case.pk}/")
    assert "took the package of a report" in page(browser, f"/case/{case.pk}/")


def test_without_a_confirmed_contact_it_says_what_to_do(browser: Client, case: Case) -> None:
    told = page(browser, f"/case/{case.pk}/report/?to=prefectural_police:police_osaka")
    assert "Nobody confirmed how this body is reached." in told
    assert "/register/police_osaka/" in told
    assert "Draft the report" not in told
    given = {"to": "prefectural_police:police_osaka", "channel": "by_hand"}
    answer = browser.post(f"/case/{case.pk}/report/", given)
    assert answer.status_code == 400
    assert "Nobody confirmed the postal address of 大阪府警察" in answer.content.decode()


def test_the_form_of_a_hotline_step_by_step(
    browser: Client, case: Case, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor
) -> None:
    confirmed(as_administrator, "internet_hotline_center")
    report = ready(drafted(as_analyst, case.pk, "internet_hotline_center", "hotline_form"), as_supervisor)
    told = page(browser, f"/report/{report.pk}/")
    for part in ("https://recipient.example/form", "https://social.example/1", "違法情報", "The form is sent"):
        assert part in told
    assert "On what" not in told


def test_a_case_that_is_not_to_be_reported(
    browser: Client, waiting: Case, as_analyst: Actor, live: Source, outsider: User
) -> None:
    assert f"/case/{waiting.pk}/report/" not in page(browser, f"/case/{waiting.pk}/")
    assert browser.get(f"/case/{waiting.pk}/report/").status_code == 403
    at_risk = decided(as_analyst, live, category="coerced_applicant", native_id="7", text=TEXT)
    assert f"/case/{at_risk.pk}/report/" not in page(browser, f"/case/{at_risk.pk}/")
    answer = browser.get(f"/case/{at_risk.pk}/report/")
    assert answer.status_code == 403
    assert "does not provide for a report" in answer.content.decode()
    assert as_user(outsider).get(f"/case/{waiting.pk}/report/").status_code == 404


def test_another_organisation_sees_no_report(
    case: Case, as_analyst: Actor, as_administrator: Actor, outsider: User
) -> None:
    confirmed(as_administrator, "police_osaka")
    report = drafted(as_analyst, case.pk)
    client = as_user(outsider)
    for address in ("", "cover/"):
        assert client.get(f"/report/{report.pk}/{address}").status_code == 404
    for address in ("act/", "package/"):
        assert client.post(f"/report/{report.pk}/{address}", {"act": "discard"}).status_code == 404
    assert "Osaka" not in page(client, "/reports/")


def test_an_auditor_reads_and_does_nothing(case: Case, as_analyst: Actor, as_administrator: Actor) -> None:
    from yoake.casework.people.models import Membership

    confirmed(as_administrator, "police_osaka")
    report = drafted(as_analyst, case.pk)
    user = User.objects.create_user("auditor")
    Membership.objects.create(user=user, organisation_id=as_analyst.organisation_id, role=Membership.Role.AUDITOR)
    client = as_user(user)
    told = page(client, f"/report/{report.pk}/")
    assert "What it says" in told
    assert 'name="act"' not in told
    assert client.post(f"/report/{report.pk}/act/", {"act": "discard"}).status_code == 409
    assert client.get(f"/case/{case.pk}/report/").status_code == 403


# --- the fast lane --------------------------------------------------------------------------------------------------------


def test_the_lane_stands_at_the_top_of_the_inbox(browser: Client, live: Source, as_analyst: Actor) -> None:
    assert "danger-lane" not in page(browser, "/live/")
    urgent = urgent_case(live)
    told = page(browser, "/live/")
    assert "1 post: somebody may be in danger now" in told
    assert "call 110 first" in told
    assert told.index("danger-lane") < told.index('class="columns"')
    assert "7 min ago" in told
    assert "danger-lane" not in page(browser, "/practice/")
    assert browser.get(f"/urgent/?shown={urgent.pk};1").status_code == 204
    assert f"Case {urgent.pk}" in page(browser, "/urgent/?shown=")
    note_call(as_analyst, urgent.pk, "called_110")
    assert "danger-lane" not in page(browser, "/live/")


def test_the_case_says_what_comes_first_and_then_what_is_prepared(browser: Client, live: Source) -> None:
    urgent = urgent_case(live, minutes=200)
    told = page(browser, f"/case/{urgent.pk}/")
    assert "if so, call 110 first" in told
    assert "200 min ago" in told, "a clock of danger runs in minutes"
    assert "https://social.example/9" in told
    assert "@somebody" in told
    assert "大阪府" in told
    assert "the urgent report, with cover sheet and encrypted evidence, is prepared after that" in told
    answer = browser.post(f"/case/{urgent.pk}/call/", {"how": "called_110", "reference": "7"}, follow=True)
    told = answer.content.decode()
    assert "Written down: called 110, 200 min after the case was opened." in told
    assert "danger-case" not in told
    assert EmergencyCall.objects.get().reference == "7"


def test_people_at_risk_get_a_hand_over_and_no_report(browser: Client, live: Source) -> None:
    told = page(browser, f"/case/{urgent_case(live, 'suicide_inducing').pk}/")
    assert "the hand-over to those who help" in told
    assert "the urgent report" not in told


def test_who_decides_that_it_is_urgent_sees_that_before_the_next_case(
    browser: Client, waiting: Case, many_waiting: Any
) -> None:
    many_waiting(2)
    Case.objects.filter(pk=waiting.pk).update(opened_at=timezone.now() - timedelta(minutes=3))
    given = {"verdict": "in_scope", "category": "serious_crime", "version_id": waiting.post.current_id}
    answer = browser.post(f"/case/{waiting.pk}/decide/", given)
    assert answer["Location"] == f"/case/{waiting.pk}/"
    assert "call 110 first" in page(browser, f"/case/{waiting.pk}/")


def test_a_wrong_word_is_refused(browser: Client, live: Source) -> None:
    urgent = urgent_case(live)
    told = browser.post(f"/case/{urgent.pk}/call/", {"how": "shouted"}, follow=True).content.decode()
    assert "called_110, force, no_danger" in told
    assert browser.post("/case/99999/call/", {"how": "called_110"}).status_code == 404
    assert not EmergencyCall.objects.exists()
