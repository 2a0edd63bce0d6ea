"""The case page's checklist, notes, the flag of a minor, what stands beside a post, the palette."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.world import arrive, finding, post
from yoake.casework.asked import once
from yoake.casework.cases import actions
from yoake.casework.cases.models import Case, Decision, Note
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db

TEXT = "🥦高額バイト\r\n日当30万円、詳しくはDMで"
PAY = (TEXT.index("日当"), TEXT.index("円") + 1)


def told(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def proposed(live: Source) -> Case:
    """A case whose finding proposes one element."""
    span = {"field": "text", "start": PAY[0], "end": PAY[1], "text": "日当30万円"}
    more: dict[str, Any] = {
        "elements": [{"name": "high_pay", "span": span}],
        "spans": [{**span, "cue": "high_pay", "weight": 1.9}],
    }
    return Case.objects.get(pk=arrive(live, [post(text=TEXT)], [finding(**more)]).opened[0])


def form(case: Case, **more: Any) -> dict[str, Any]:
    return {"verdict": "in_scope", "version_id": case.post.current_id, "category": "criminal_recruitment", **more}


def value(name: str = "high_pay", start: int = PAY[0], end: int = PAY[1], field: str = "text") -> str:
    return f"criminal_recruitment {name} {field} {start} {end}"


def test_elements_are_proposed_and_never_ticked_by_themselves(browser: Client, proposed: Case) -> None:
    page = told(browser.get(f"/case/{proposed.pk}/"))
    (line,) = re.findall(r'<input type="checkbox" name="element"[^>]*data-element="high_pay"[^>]*>', page)
    assert f'value="{value()}"' in line
    assert "checked" not in line
    assert page.count('name="element"') == 6
    browser.post(f"/case/{proposed.pk}/decide/", form(proposed))
    assert Decision.objects.get().elements == []


def test_another_category_brings_its_own_checklist(browser: Client, proposed: Case) -> None:
    part = told(browser.get(f"/case/{proposed.pk}/elements/?category=drug_ad"))
    assert 'data-elements="drug_ad"' in part
    assert 'data-element="substance"' in part
    assert "high_pay" not in part
    assert 'name="element"' not in told(browser.get(f"/case/{proposed.pk}/elements/?category=other_illegal"))
    # what was ticked of the category before is not carried over
    browser.post(f"/case/{proposed.pk}/decide/", form(proposed, category="drug_ad", element=value()))
    assert Decision.objects.get().elements == []


def test_what_is_ticked_is_recorded_shown_and_marked(browser: Client, proposed: Case) -> None:
    browser.post(f"/case/{proposed.pk}/decide/", form(proposed, element=[value(), value("offer", 1, 6)]))
    decision = Decision.objects.get()
    assert [one["name"] for one in decision.elements] == ["high_pay", "offer"]
    assert decision.reason.startswith("The post says “日当30万円”, which appears to show: exceptionally high pay")
    page = told(browser.get(f"/case/{proposed.pk}/"))
    assert page.count('<span class="ticked" title=') == 2
    assert 'class="ticked-list"' in page
    for element in decision.elements:
        assert TEXT[element["start"] : element["end"]] in page


@pytest.mark.parametrize(
    ("composed", "typed", "recorded"),
    [
        ("", "", "The post says"),  # without script, left empty: written from the ticks
        ("", "Seen before.", "Seen before."),  # without script, typed
        ("yes", "what the page wrote a moment ago", "The post says"),  # the page's own words follow the ticks
        ("no", "My own words.", "My own words."),
        ("no", "", ""),  # a person emptied it
    ],
)
def test_a_reason_is_never_written_over_what_somebody_typed(
    browser: Client, proposed: Case, composed: str, typed: str, recorded: str
) -> None:
    browser.post(f"/case/{proposed.pk}/decide/", form(proposed, element=value(), composed=composed, reason=typed))
    said = Decision.objects.get().reason
    assert said.startswith(recorded)
    assert bool(said) == bool(recorded)


def test_out_of_scope_gets_no_composed_reason(browser: Client, proposed: Case) -> None:
    browser.post(f"/case/{proposed.pk}/decide/", form(proposed, verdict="not_in_scope", element=value()))
    assert (Decision.objects.get().reason, Decision.objects.get().elements) == ("", [])


def test_the_reason_is_asked_of_the_server_while_one_ticks(proposed: Case, analyst: User) -> None:
    browser = Client(HTTP_ACCEPT_LANGUAGE="ja")
    browser.force_login(analyst)
    answer = browser.post(f"/case/{proposed.pk}/reason/", form(proposed, element=value()))
    assert answer["Content-Type"].startswith("text/plain")
    assert told(answer).startswith("「日当30万円」との記載があり、著しく高い報酬を示しているものと認められる。")
    assert told(browser.post(f"/case/{proposed.pk}/reason/", form(proposed))) == ""


def test_without_script_words_are_typed_after_the_post(browser: Client, proposed: Case) -> None:
    words = {"words:criminal_recruitment:anonymous_contact": "DMで"}
    browser.post(f"/case/{proposed.pk}/decide/", form(proposed, **words))
    (element,) = Decision.objects.get().elements
    assert TEXT[element["start"] : element["end"]] == "DMで"


def test_words_that_do_not_stand_there_are_refused_and_the_ticks_stay(browser: Client, proposed: Case) -> None:
    words = {"words:criminal_recruitment:anonymous_contact": "シグナル"}
    answer = browser.post(f"/case/{proposed.pk}/decide/", form(proposed, element=value(), **words))
    assert answer.status_code == 409
    assert "words copied from the post" in told(answer)
    (line,) = re.findall(r'<input type="checkbox" name="element"[^>]*data-element="high_pay"[^>]*>', told(answer))
    assert "checked" in line
    assert not Decision.objects.exists()
    forged = browser.post(f"/case/{proposed.pk}/decide/", form(proposed, element=value(end=999)))
    assert forged.status_code == 409


def test_the_page_prints_every_character_once(browser: Client, proposed: Case) -> None:
    page = told(browser.get(f"/case/{proposed.pk}/"))
    block = re.search(r'data-field="text" data-length="(\d+)"[^>]*>(.*?)</blockquote>', page, re.DOTALL)
    assert block is not None
    assert int(block[1]) == len(TEXT)
    assert block[2].count('<span class="folded"></span>') == 1  # \r before \n: browsers make one of the two
    shown = re.sub(r'<span class="tip">.*?</span></span>|<a class="ref".*?</a>', "", block[2])
    assert re.sub(r"<[^>]*>", "", shown).rstrip("\n") == TEXT.replace("\r", "")


# --- notes and the flag ---------------------------------------------------------------------------------------------


def test_notes_are_written_in_their_place(browser: Client, waiting: Case) -> None:
    part = told(browser.post(f"/case/{waiting.pk}/note/", {"note": "見覚えあり <b>"}, HTTP_HX_REQUEST="true"))
    assert "見覚えあり &lt;b&gt;" in part
    assert "<html" not in part
    assert browser.post(f"/case/{waiting.pk}/note/", {"note": "二つめ"})["Location"] == f"/case/{waiting.pk}/#notes"
    empty = told(browser.post(f"/case/{waiting.pk}/note/", {"note": " "}, HTTP_HX_REQUEST="true"))
    assert "Note: a few words for colleagues." in empty
    assert Note.objects.count() == 2
    assert "二つめ" in told(browser.get(f"/case/{waiting.pk}/"))


def test_the_flag_of_a_minor(browser: Client, waiting: Case) -> None:
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert "May be under 18" in page
    assert "The author may be under 18." not in page
    part = told(browser.post(f"/case/{waiting.pk}/minor/", {"minor": "1"}, HTTP_HX_REQUEST="true"))
    assert "The author may be under 18." in part
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert "189" in page  # help for the young
    browser.post(f"/case/{waiting.pk}/decide/", form(waiting))
    assert "once a second person has judged it too" in told(browser.get(f"/case/{waiting.pk}/"))


def test_a_reader_sees_no_button_for_what_they_may_not(waiting: Case, police: Any) -> None:
    auditor = User.objects.create_user("auditor", password="a long pass phrase 17")
    auditor.memberships.create(organisation=police, role="auditor")
    browser = Client(HTTP_ACCEPT_LANGUAGE="en")
    browser.force_login(auditor)
    page = told(browser.get(f"/case/{waiting.pk}/"))
    for drawn in ("data-decide", "id_note", "/minor/", "/undo/"):
        assert drawn not in page
    assert browser.post(f"/case/{waiting.pk}/note/", {"note": "x"}, HTTP_HX_REQUEST="true").status_code == 200
    assert browser.post(f"/case/{waiting.pk}/minor/", {"minor": "1"}).status_code == 403
    assert not Note.objects.exists()
    assert not Case.objects.get().minor


# --- help -----------------------------------------------------------------------------------------------------------

ACCUSING = {
    "ja": ["犯人", "容疑", "被疑", "加害", "違反者", "警告", "摘発", "検挙", "通報", "罰", "悪質", "該当"],
    "en": ["offender", "suspect", "guilt", "culprit", "accus", "perpetrat", "warning", "punish", "violat", "malicious"],
}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("category", ["coerced_applicant", "crime_job_seeker", "runaway_at_risk"])
def test_a_person_at_risk_is_offered_help_and_never_accused(
    live: Source, analyst: User, category: str, language: str
) -> None:
    case = Case.objects.get(pk=arrive(live, [post("1", "たすけてください")], [finding(0, category)]).opened[0])
    browser = Client(HTTP_ACCEPT_LANGUAGE=language)
    browser.force_login(analyst)

    def shown() -> str:
        page = re.sub(
            r"<select.*?</select>|<blockquote.*?</blockquote>",
            "",
            told(browser.get(f"/case/{case.pk}/")),
            flags=re.DOTALL,
        )
        return re.sub(r"<dialog.*?</dialog>|<header class=\"top\">.*?</header>", "", page, flags=re.DOTALL)

    def said(page: str) -> str:
        return re.sub(r"<[^>]*>", " ", page).lower()

    waiting = shown()
    assert "<strong>0120-279-338</strong>" in waiting
    assert "<strong>110</strong>" in waiting
    assert ("支援が必要" if language == "ja" else "needs help") in said(waiting)
    browser.post(f"/case/{case.pk}/decide/", {**form(case), "category": category})
    decided = shown()
    assert ("支援が必要: " if language == "ja" else "needs help: ") in said(decided).replace("：", ": ")
    for page in (waiting, decided):
        assert [word for word in ACCUSING[language] if word in said(page)] == []


# --- what stands beside -----------------------------------------------------------------------------------------------


def test_the_authors_other_cases_with_what_was_decided(
    browser: Client, live: Source, as_analyst: Actor, practice: Source
) -> None:
    rows = [post(str(n), f"その{n}", author_id="a", author_handle="a") for n in range(3)]
    taken = arrive(live, [*rows, post("9", "別の人", author_id="b")], [finding(n) for n in range(4)])
    first, second, _third, _other = Case.objects.filter(pk__in=taken.opened).order_by("pk")
    assert first.post.current_id
    actions.decide(as_analyst, first.pk, "cannot_tell", version_id=first.post.current_id)
    page = told(browser.get(f"/case/{second.pk}/"))
    panel = page.partition('class="author-cases"')[2].partition("</section>")[0]
    assert re.findall(r"その(\d)", panel) == ["2", "0"]
    assert "cannot tell" in panel
    assert "別の人" not in panel


def test_pictures_in_words(browser: Client, live: Source) -> None:
    image = {"ref": "https://img.example/1", "alt": "白い紙", "mime": "image/png", "size_bytes": 9}
    span = {"field": "image:1", "start": 0, "end": 5, "text": "日当30万", "cue": "high_pay", "weight": 1.0}
    arrive(live, [post(images=[image, {**image, "alt": ""}])], [finding(spans=[span])])
    part = (
        told(browser.get(f"/case/{Case.objects.get().pk}/")).partition('class="pictures"')[2].partition("</section>")[0]
    )
    assert "白い紙" in part
    assert "日当30万" in part
    assert "Neither described nor read" in part
    assert "img.example" not in part


def test_the_page_asks_as_much_however_much_there_is(browser: Client, live: Source, as_analyst: Actor) -> None:
    from yoake.casework.cases.notes import add_note

    def asked(case: Case) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(f"/case/{case.pk}/")
        return len(queries)

    taken = arrive(live, [post("1", "一", author_id="a"), post("2", "二", author_id="a")], [finding(0), finding(1)])
    case = Case.objects.get(pk=taken.opened[0])
    add_note(as_analyst, case.pk, "x")
    asked(case)
    before = asked(case)
    arrive(live, [post(f"n{n}", f"その{n}", author_id="a") for n in range(12)], [finding(n) for n in range(12)])
    for other in Case.objects.exclude(pk=case.pk)[:5]:
        assert other.post.current_id
        actions.decide(as_analyst, other.pk, "cannot_tell", version_id=other.post.current_id)
    for n in range(5):
        add_note(as_analyst, case.pk, f"x{n}")
    assert asked(case) <= before + 1  # one more: how many there are beyond those shown


def test_what_a_page_asks_is_asked_once(browser: Client, many_waiting: Callable[[int], list[Case]]) -> None:
    """Of the pages that people use most, as long as nothing hangs on the case."""
    cases = many_waiting(3)
    for address, most in (("/live/", 33), (f"/case/{cases[1].pk}/", 24), (f"/case/{cases[1].pk}/similar/", 12)):
        browser.get(address)
        with CaptureQueriesContext(connection) as queries:
            browser.get(address)
        asked = [query["sql"] for query in queries]
        assert len(asked) <= most, (address, asked)
        assert len(set(asked)) == len(asked), address
    assert once("x", lambda: 1) + once("x", lambda: 2) == 3  # nothing is remembered behind the page


# --- the palette ------------------------------------------------------------------------------------------------------


def test_the_palette_knows_screens_views_and_cases(browser: Client, waiting: Case, outsider: User) -> None:
    items = browser.get("/palette/").json()["items"]
    assert {"label": "Quality", "also": "品質", "href": "/quality/"} in items or any(
        i["href"] == "/quality/" for i in items
    )
    found = browser.get(f"/palette/?q={waiting.pk}").json()["items"]
    assert found[0]["href"] == f"/case/{waiting.pk}/"
    assert browser.get("/palette/?q=nothing").json()["items"][0]["href"].startswith("/search/")
    theirs = Client()
    theirs.force_login(outsider)
    assert [one for one in theirs.get(f"/palette/?q={waiting.pk}").json()["items"] if "/case/" in one["href"]] == []


def test_commands_are_told_in_both_languages(browser: Client, waiting: Case) -> None:
    page = told(browser.get(f"/case/{waiting.pk}/"))
    data = re.search(r'data-commands="([^"]*)"', page)
    assert data is not None
    from html import unescape

    commands = {one["key"]: one for one in json.loads(unescape(data[1]))}
    assert commands["2"]["label"] == "not in scope"
    assert commands["2"]["also"] not in ("", "not in scope")


def test_signing_in_again_comes_back_to_the_case(waiting: Case) -> None:
    answer = Client().post(
        f"/case/{waiting.pk}/decide/", form(waiting), HTTP_REFERER=f"http://testserver/case/{waiting.pk}/?grade=high"
    )
    assert answer["Location"].endswith(f"next=%2Fcase%2F{waiting.pk}%2F%3Fgrade%3Dhigh")
    elsewhere = Client().post(f"/case/{waiting.pk}/decide/", form(waiting), HTTP_REFERER="https://other.example/x")
    assert elsewhere["Location"].endswith("next=%2F")
