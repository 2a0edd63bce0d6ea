from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from tests.casework.test_alike import OTHER, come, copies
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions, stopped
from yoake.casework.cases.models import Case, LegalHold, Post, RemovalConsent, Stop
from yoake.casework.people.models import Exposure, User, Wellbeing
from yoake.casework.people.queries import actor_of
from yoake.casework.people.wellbeing import note_reading
from yoake.casework.sources.models import Source

HEAVY = "suicide_inducing"


@pytest.fixture(autouse=True)
def _list() -> None:
    stopped.list_file().unlink(missing_ok=True)


@pytest.fixture
def heavy(live: Source) -> Case:
    taken = arrive(live, [post("h", "つらい言葉の投稿")], [finding(category=HEAVY)])
    return Case.objects.get(pk=taken.opened[0])


@pytest.fixture
def overseer(supervisor: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(supervisor)
    return client


def test_the_stop_key_asks_and_then_blanks_the_case(browser: Client, waiting: Case) -> None:
    shown = browser.get(f"/case/{waiting.pk}/").content.decode()
    assert f'data-keys="x" href="/case/{waiting.pk}/stop/"' in shown
    asked = browser.get(f"/case/{waiting.pk}/stop/").content.decode()
    assert "cannot be undone" in asked
    assert "高額バイト" not in asked, "nothing of the post is shown again"
    assert Post.objects.get().stopped_at is None
    answer = browser.post(f"/case/{waiting.pk}/stop/", follow=True)
    assert "is stopped" in answer.content.decode()
    blank = browser.get(f"/case/{waiting.pk}/").content.decode()
    assert "this must not be held. Nothing of the post is here any more" in blank
    assert "高額バイト" not in blank
    assert "/stop/" not in blank


def test_whoever_stops_a_post_is_asked_about_its_near_copies(browser: Client, live: Source) -> None:
    first, *near = come(live, *copies(3), OTHER)
    *near, other = near
    answer = browser.post(f"/case/{first.pk}/stop/")
    assert answer.status_code == 302
    address = answer["Location"]
    assert sorted(parse_qs(urlsplit(address).query)["case"]) == sorted(str(case.pk) for case in near), "and not another"
    assert Stop.objects.count() == 1, "never by itself"
    shown = browser.get(address).content.decode()
    assert "荷物" not in shown, "nothing of the posts is shown"
    assert re.findall(r'type="checkbox" name="case" value="\d+"(.*?)>', shown) == ["", ""], "none is marked beforehand"
    assert 'data-keys="x"' in shown
    nothing = browser.post(address)
    assert nothing.status_code == 400
    assert "Mark the cases" in nothing.content.decode()
    assert Stop.objects.count() == 1
    assert "1 near copy is stopped too" in browser.post(address, {"case": near[0].pk}, follow=True).content.decode()
    assert Post.objects.get(cases=near[0].pk).stopped_at is not None
    assert Post.objects.get(cases=near[1].pk).stopped_at is None
    assert browser.post(address, {"all": "1"}).status_code == 302
    assert Post.objects.get(cases=near[1].pk).stopped_at is not None
    assert Post.objects.get(cases=other.pk).stopped_at is None
    assert Entry.objects.filter(kind="stopped").count() == 3, "each stop has its line"
    assert browser.get(address).status_code == 302, "nothing is left to ask"


def test_nobody_is_asked_about_cases_of_others(browser: Client, waiting: Case, outsider: User) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(outsider)
    address = f"/case/{waiting.pk}/stop/copies/?case={waiting.pk}&case=x&case=-1&case={'9' * 40}&case=²"
    assert client.get(address).status_code == 302
    assert client.post(address, {"all": "1"}).status_code == 302
    assert Post.objects.get().stopped_at is None
    assert f"Case {waiting.pk}" in browser.get(address).content.decode()


def test_a_row_has_the_stop_key_too(browser: Client, waiting: Case) -> None:
    assert f'data-stop href="/case/{waiting.pk}/stop/"' in browser.get("/live/").content.decode()


def test_others_cannot_stop_it_by_its_address(waiting: Case, outsider: User) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(outsider)
    assert client.post(f"/case/{waiting.pk}/stop/").status_code == 404
    assert Post.objects.get().stopped_at is None


def test_burdensome_cases_are_veiled_until_asked(browser: Client, analyst: User, heavy: Case) -> None:
    row = browser.get("/live/").content.decode()
    assert "Veiled: a burdensome category" in row
    assert row.index("veiled-words") < row.index('<details class="veil">') < row.index("つらい言葉")
    page = browser.get(f"/case/{heavy.pk}/").content.decode()
    assert page.index('<details class="veil">') < page.index("つらい言葉")
    Wellbeing.objects.create(user=analyst, takes=[HEAVY])
    assert 'class="veil"' not in browser.get("/live/").content.decode()
    assert 'class="veil"' not in browser.get(f"/case/{heavy.pk}/").content.decode()


def test_my_day_keeps_what_a_person_chose(browser: Client, analyst: User) -> None:
    answer = browser.post(
        "/wellbeing/", {"takes": [HEAVY, "criminal_recruitment"], "most_cases": "10", "break_minutes": "0"}
    )
    assert answer.status_code == 302
    chosen = Wellbeing.objects.get(user=analyst)
    assert (chosen.takes, chosen.most_cases, chosen.most_minutes, chosen.break_minutes) == ([HEAVY], 10, None, 0)
    shown = browser.get("/wellbeing/").content.decode()
    assert f'value="{HEAVY}" checked' in shown
    assert 'name="break_minutes" inputmode="numeric" size="5" value="0"' in shown


@pytest.mark.parametrize("given", ["61", "many", "-1", "１０"])
def test_a_wrong_measure_is_told(given: str, browser: Client) -> None:
    answer = browser.post("/wellbeing/", {"most_cases": given})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not Wellbeing.objects.exists()


def test_reading_is_noted_with_the_lease(browser: Client, analyst: User, heavy: Case) -> None:
    for _ in range(2):
        browser.post(f"/case/{heavy.pk}/lease/", {"version_id": heavy.post.current_id})
    today = Exposure.objects.get(user=analyst)
    assert (today.cases, today.sensitive) == (1, 1)


def test_a_break_is_proposed_and_goes_when_answered(browser: Client, analyst: User) -> None:
    note_reading(actor_of(analyst), sensitive=False, opened=False, now=timezone.now())
    Exposure.objects.update(without_break=51 * 60)
    shown = browser.get("/live/").content.decode()
    assert "51 minutes without a break" in shown
    assert '<main id="main"' in shown, "the work goes on behind it"
    answer = browser.post("/wellbeing/break/", HTTP_REFERER="http://testserver/live/?category=x")
    assert answer["Location"] == "/live/?category=x"
    assert "without a break" not in browser.get("/live/").content.decode()
    assert browser.post("/wellbeing/break/", HTTP_REFERER="https://evil.example//evil.example/").status_code == 302


def test_supervisors_see_numbers_of_the_organisation_only(
    browser: Client, overseer: Client, analyst: User, heavy: Case
) -> None:
    Wellbeing.objects.create(user=analyst, takes=[HEAVY])
    shown = overseer.get("/wellbeing/").content.decode()
    assert "people who take it" in shown
    assert "analyst" not in shown.partition("<main")[2]
    assert "people who take it" not in browser.get("/wellbeing/").content.decode()


def test_holds_and_removals_on_the_screen(
    browser: Client, overseer: Client, administrator: User, analyst: User, waiting: Case
) -> None:
    assert browser.get("/retention/").status_code == 403
    actions.decide(
        actor_of(analyst), waiting.pk, "in_scope", version_id=waiting.post.current_id or 0, category_slug="drug_ad"
    )
    until = (timezone.localdate() + timedelta(days=30)).isoformat()
    overseer.post("/retention/", {"do": "hold", "case": waiting.pk, "ground": "trial", "until": until})
    hold = LegalHold.objects.get()
    assert "court proceedings" in overseer.get("/retention/").content.decode()
    problem = overseer.post("/retention/", {"do": "remove", "case": waiting.pk})
    assert (problem.status_code, "legal hold is on this case" in problem.content.decode()) == (409, True)
    overseer.post(f"/retention/hold/{hold.pk}/lift/")
    overseer.post("/retention/", {"do": "remove", "case": waiting.pk})
    asked = RemovalConsent.objects.get()
    own = overseer.post(f"/retention/removal/{asked.pk}/", {"agreed": "1"})
    assert "somebody else must agree" in own.content.decode()
    second = Client(HTTP_ACCEPT_LANGUAGE="en")
    second.force_login(administrator)
    second.post(f"/retention/removal/{asked.pk}/", {"agreed": "1"})
    assert Post.objects.get().erased_at is not None
    unknown = overseer.post("/retention/", {"do": "hold", "case": "99", "ground": "trial"})
    assert "no such case" in unknown.content.decode()
    wrong = overseer.post("/retention/", {"do": "hold", "case": waiting.pk, "ground": "trial", "until": "tomorrow"})
    assert wrong.status_code == 409


def test_the_address_of_what_was_stopped(browser: Client, overseer: Client, live: Source) -> None:
    taken = arrive(live, [post("u", url="https://board.example/u")], [finding()])
    browser.post(f"/case/{taken.opened[0]}/stop/")
    row = Stop.objects.get()
    assert "https://board.example/u" not in overseer.get("/retention/").content.decode()
    assert "https://board.example/u" in overseer.post(f"/retention/stop/{row.pk}/").content.decode()
    assert browser.post(f"/retention/stop/{row.pk}/").status_code == 403
