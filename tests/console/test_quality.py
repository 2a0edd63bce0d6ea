"""The quality page and the blind review, as each of the standing users."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.console.test_pages import HOSTILE, Outside, as_user
from tests.learn.models import lexicon_model
from tests.quality_world import look_again, note, plain
from tests.world import arrive, finding, post
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import system
from yoake.casework.quality import service
from yoake.casework.quality.alarms import raise_alarm
from yoake.casework.quality.models import Alarm, HashedPost, ModelChange, Sample, TermProposal
from yoake.casework.sources.models import Source
from yoake.casework.wording.models import CueDraft
from yoake.detect.model import SERVING, pointed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def proposal(organisation: Organisation, text: str = "ニコニコ隊", **more: object) -> TermProposal:
    given = {
        "organisation": organisation, "category": "criminal_recruitment", "folded": text, "text": text, "groups": 6,
        "background": 0, "log_odds": 6.0, "errors": 5.0, "found_at": timezone.now(), **more,
    }  # fmt: skip
    return TermProposal.objects.create(**given)


@pytest.fixture
def drawn(live: Source, store: Path, three_a_day: None) -> list[Sample]:
    """Three samples of yesterday."""
    note(
        live,
        [post(str(i), f"夜だけ動ける人 その{i}", profile="🍦") for i in range(3)],
        now=timezone.now() - timedelta(days=1),
    )
    return list(Sample.objects.order_by("lot"))


def page_of(user: User, address: str = "/quality/") -> str:
    answer = as_user(user).get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


# --- who sees what --------------------------------------------------------------------------------------------------


def test_alarms_words_and_models_are_for_those_who_answer_for_them(
    police: Organisation, analyst: User, supervisor: User, outsider: User
) -> None:
    raise_alarm(police, "precision", timezone.now(), before=0.9, recent=0.4, decided=30)
    proposal(police)
    shown = page_of(supervisor)
    assert "ニコニコ隊" in shown
    assert "90 % before, 40 % in the last week (30 decided)" in shown
    for user in (analyst, outsider):
        page = page_of(user)
        assert "ニコニコ隊" not in page
        assert "in the last week" not in page
    assert "Judge these next" in page_of(analyst)
    assert "Alarms" not in page_of(analyst)


def test_an_auditor_sees_and_cannot_act(police: Organisation) -> None:
    alarm, word = raise_alarm(police, "rate", timezone.now(), before=1.0, recent=0.0, posts=1), proposal(police)
    assert alarm is not None
    user = User.objects.create_user("auditor")
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.AUDITOR)
    page = page_of(user)
    assert "ニコニコ隊" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    client = as_user(user)
    for address in (f"/quality/alarm/{alarm.pk}/close/", f"/quality/term/{word.pk}/accept/", "/quality/model/serve/"):
        client.post(address, {"note": "x", "cue": "receiver", "strength": "weak", "model": "tokyo/1", "reason": "x"})
    assert Alarm.objects.get().closed_at is None
    assert TermProposal.objects.get().state == "proposed"
    assert not ModelChange.objects.exists()


def test_what_an_outsider_posts_changes_nothing(police: Organisation, drawn: list[Sample], outsider: User) -> None:
    alarm, word = raise_alarm(police, "rate", timezone.now(), before=1.0, recent=0.0, posts=1), proposal(police)
    assert alarm is not None
    client = as_user(outsider)
    client.post(f"/quality/alarm/{alarm.pk}/close/", {"note": "x"})
    client.post(f"/quality/term/{word.pk}/accept/", {"cue": "receiver", "strength": "weak"})
    client.post(f"/quality/sample/{drawn[0].pk}/", {"verdict": "not_in_scope"})
    assert Alarm.objects.get().closed_at is None
    assert TermProposal.objects.get().state == "proposed"
    assert Sample.objects.filter(verdict="").count() == 3
    assert client.get(f"/quality/sample/{drawn[0].pk}/")["Location"] == "/quality/sample/"
    assert "夜だけ" not in page_of(outsider, "/quality/sample/")


def test_who_is_not_signed_in_signs_in_first(client: Client) -> None:
    for address in ("/quality/", "/quality/sample/", "/quality/sample/1/"):
        assert client.get(address)["Location"].startswith("/sign-in/")


def test_acts_need_a_form(supervisor: User) -> None:
    client = as_user(supervisor)
    for address in ("alarm/1/close/", "term/1/accept/", "term/1/reject/", "model/serve/", "model/back/"):
        assert client.get(f"/quality/{address}").status_code == 405


# --- the desk -------------------------------------------------------------------------------------------------------


def test_the_desk_says_in_one_line_that_there_are_alarms(
    police: Organisation, analyst: User, supervisor: User, outsider: User
) -> None:
    assert "alarm about the detector" not in page_of(supervisor, "/live/")
    raise_alarm(police, "rate", timezone.now(), before=1.0, recent=0.0, posts=1)
    assert "1 alarm about the detector" in page_of(supervisor, "/live/")
    assert "alarm about the detector" not in page_of(supervisor, "/practice/")
    assert "alarm about the detector" not in page_of(analyst, "/live/")
    assert "alarm about the detector" not in page_of(outsider, "/live/")


def test_the_desk_says_that_samples_wait(drawn: list[Sample], analyst: User) -> None:
    assert "3 samples wait" in page_of(analyst, "/live/beside/")


# --- acting ---------------------------------------------------------------------------------------------------------


def test_a_supervisor_closes_an_alarm(police: Organisation, supervisor: User) -> None:
    alarm = raise_alarm(police, "rate", timezone.now(), before=1.0, recent=0.0, posts=1)
    assert alarm is not None
    client = as_user(supervisor)
    answer = client.post(f"/quality/alarm/{alarm.pk}/close/", {"note": ""}, follow=True)
    assert "what you found" in answer.content.decode().lower()
    answer = client.post(f"/quality/alarm/{alarm.pk}/close/", {"note": "連休"}, follow=True)
    assert "The alarm is closed" in answer.content.decode()
    assert "連休" in answer.content.decode()
    assert Alarm.objects.get().closed_by == supervisor


def test_a_supervisor_puts_words_to_a_second_person_and_rejects_words(police: Organisation, supervisor: User) -> None:
    one, two = proposal(police), proposal(police, "わくわく隊")
    client = as_user(supervisor)
    answer = client.post(f"/quality/term/{one.pk}/accept/", {"cue": "", "strength": "weak"}, follow=True)
    assert "A role of the category" in answer.content.decode()
    assert "Put to a second person" in page_of(supervisor)
    answer = client.post(f"/quality/term/{one.pk}/accept/", {"cue": "receiver", "strength": "medium"}, follow=True)
    assert "Drafted and tried; a second person approves it" in answer.content.decode()
    client.post(f"/quality/term/{two.pk}/reject/")
    assert dict(TermProposal.objects.values_list("text", "state")) == {
        "ニコニコ隊": "accepted",
        "わくわく隊": "rejected",
    }
    assert CueDraft.objects.get().phrase == "ニコニコ隊"
    assert not settings.YOAKE_CATEGORIES.exists(), "it counts for nothing yet"
    page = page_of(supervisor)
    assert "ニコニコ隊" not in page
    assert "わくわく隊" not in page


def test_where_several_organisations_work_the_page_says_that_another_one_approves(
    police: Organisation, supervisor: User, outsider: User
) -> None:
    word = proposal(police)
    told = {"cue": "receiver", "strength": "medium"}
    answer = as_user(supervisor).post(f"/quality/term/{word.pk}/accept/", told, follow=True)
    assert "somebody of another organisation approves it" in answer.content.decode()


def test_examples_link_to_cases_and_show_the_word(police: Organisation, live: Source, supervisor: User) -> None:
    arrive(live, [post("1", "求む ニコニコ隊 東京")], [finding()])
    case = Case.objects.get()
    proposal(police, posts=[case.post_id, 999])
    page = page_of(supervisor)
    assert f'href="/case/{case.pk}/"' in page
    assert "<b>ニコニコ隊</b>" in page


def test_a_supervisor_puts_a_model_into_service_and_back(supervisor: User, store: Path, tmp_path: Path) -> None:
    service.add_model(system("command"), lexicon_model(tmp_path / "m", "1"), "tokyo")
    client = as_user(supervisor)
    assert "The rule for service is not met" in page_of(supervisor)
    client.post("/quality/model/serve/", {"model": "tokyo/1"})
    assert pointed(store, SERVING) == ""
    client.post("/quality/model/serve/", {"model": "tokyo/1", "reason": "前の型に戻すため"})
    assert pointed(store, SERVING) == "tokyo/1"
    page = page_of(supervisor)
    assert "前の型に戻すため" in page
    client.post("/quality/model/back/")
    assert pointed(store, SERVING) == ""
    look_again()


def test_a_broken_pointer_is_said_on_the_page(supervisor: User, store: Path) -> None:
    store.mkdir(parents=True)
    (store / SERVING).write_text("nonsense")
    assert "repair or remove it" in page_of(supervisor)
    (store / SERVING).unlink()


# --- the blind review -----------------------------------------------------------------------------------------------


def test_a_reviewer_sees_the_post_and_no_score(drawn: list[Sample], analyst: User) -> None:
    Sample.objects.update(score=0.4321)
    client = as_user(analyst)
    answer = client.get("/quality/sample/")
    assert answer["Location"] == f"/quality/sample/{drawn[0].pk}/"
    page = page_of(analyst, answer["Location"])
    assert drawn[0].content["text"] in page
    assert "🍦" in page
    assert "0.43" not in page
    assert "<mark" not in page


def test_judging_leads_to_the_next_and_to_the_end(drawn: list[Sample], analyst: User) -> None:
    client = as_user(analyst)
    address = f"/quality/sample/{drawn[0].pk}/"
    assert client.post(address, {"verdict": "in_scope"}).status_code == 409
    assert client.post(address, {"verdict": ""}).status_code == 409
    assert client.post(address, {"verdict": "not_in_scope"})["Location"] == "/quality/sample/"
    assert HashedPost.objects.count() == 1
    case = client.post(f"/quality/sample/{drawn[1].pk}/", {"verdict": "in_scope", "category": "drug_ad"})
    assert case["Location"] == f"/case/{Case.objects.get().pk}/"
    again = client.post(address, {"verdict": "cannot_tell"}, follow=True)
    assert "take the next one" in again.content.decode().lower()
    client.post(f"/quality/sample/{drawn[2].pk}/", {"verdict": "cannot_tell"})
    assert "No sample waits" in page_of(analyst, "/quality/sample/")
    page = page_of(analyst)
    assert "judged blindly" in page
    assert "missed among 10,000" in page


def test_without_samples_the_page_says_what_to_do(analyst: User) -> None:
    assert "YOAKE_SAMPLE_PER_DAY" in page_of(analyst)


# --- every page -----------------------------------------------------------------------------------------------------


def test_nothing_from_outside_nothing_inline_nothing_unescaped(
    police: Organisation, live: Source, supervisor: User, store: Path, three_a_day: None, tmp_path: Path
) -> None:
    now = timezone.now()
    note(live, [post("s", HOSTILE, profile=HOSTILE, parent_text=HOSTILE)], now=now - timedelta(days=1))
    arrive(live, [post("1", HOSTILE)], [finding()])
    proposal(police, HOSTILE[:60], posts=[Case.objects.get().post_id])
    raise_alarm(police, "shadow", now, problem=HOSTILE)
    raise_alarm(police, "cues", now, source=live, category="no_such", psi=0.5, cues=["<b>cue</b>"])
    service.add_model(system("command"), lexicon_model(tmp_path / "m", "1"), "tokyo")
    service.shadow_model(system("command"), "tokyo/1")
    for address in ("/quality/", f"/quality/sample/{Sample.objects.get().pk}/"):
        text = page_of(supervisor, address)
        page = Outside()
        page.feed(text)
        assert all(load.startswith("/") and not load.startswith("//") for load in page.loads if load), address
        assert page.inline == []
        assert all(href.startswith(("/", "#", "?")) for href, _rel in page.links)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    look_again()


def test_both_languages(police: Organisation, live: Source, drawn: list[Sample], supervisor: User) -> None:
    raise_alarm(police, "scores", timezone.now(), source=live, category="criminal_recruitment", psi=0.5)
    proposal(police)
    for address in ("/quality/", f"/quality/sample/{drawn[0].pk}/", "/live/"):
        page = as_user(supervisor, "ja").get(address).content.decode()
        assert 'lang="ja"' in page
        assert "ブラインド" in page or "検出" in page
    assert "sample waits" not in page


def test_the_number_of_queries_does_not_grow(
    police: Organisation, live: Source, supervisor: User, decided: Callable[..., list[Case]], tmp_path: Path
) -> None:
    client = as_user(supervisor)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/quality/").status_code == 200
        return len(captured)

    def more(n: int) -> None:
        cases = decided(2, first=n * 10)
        arrive(live, plain(1, 500 + n), [finding()])
        raise_alarm(police, "rate", timezone.now(), source=live, category=f"c{n}", before=1.0, recent=0.0, posts=1)
        proposal(police, f"ニコニコ{n}", posts=[case.post_id for case in cases])

    more(1)
    queries()
    one = queries()
    more(2)
    more(3)
    assert queries() == one


def test_facts_of_every_kind_of_alarm_can_be_shown(police: Organisation, live: Source, supervisor: User) -> None:
    facts = {
        "rate": {"before": 10.0, "recent": 0.0, "posts": 5}, "scores": {"psi": 0.4}, "cues": {"psi": 0.4, "cues": ["pay"]},
        "precision": {"before": 0.9, "recent": 0.1, "decided": 20}, "shadow": {"problem": "the model is gone"},
        "guard": {"guard": "priority", "measured": 0.4, "bar": 0.6, "n": 50}, "gold": {"gold": 1, "case": 7},
        "changed": {"entry": 1, "what": "category_off"},
    }  # fmt: skip
    assert set(facts) == set(Alarm.Kind.values)
    for kind, told in facts.items():
        raise_alarm(police, kind, timezone.now(), source=live, category="drug_ad", **json.loads(json.dumps(told)))
    page = page_of(supervisor)
    assert all(str(Alarm.Kind(kind).label) in page for kind in facts)
