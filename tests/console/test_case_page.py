from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions, leases
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Case, Decision, Lease, PostVersion, SecondLook
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect import practice as practice_stream
from yoake.tables.findings import findings_batch

pytestmark = pytest.mark.django_db


def decision(case: Case, verdict: str = "not_in_scope", **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "version_id": case.post.current_id, **more}


def told(answer: Any) -> str:
    return str(answer.content.decode())


def test_opening_takes_the_lease_by_a_post(browser: Client, waiting: Case) -> None:
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert f'hx-post="/case/{waiting.pk}/lease/"' in page
    assert not Lease.objects.exists()  # GET is without effect
    line = told(browser.post(f"/case/{waiting.pk}/lease/", {"version_id": waiting.post.current_id}))
    assert "You are reading this" in line
    assert Lease.objects.get().user.username == "analyst"
    assert browser.post(f"/case/{waiting.pk}/release/").status_code == 204
    assert not Lease.objects.exists()


def test_a_second_look_stands_beside_the_others_with_who_says_it(browser: Client, waiting: Case) -> None:
    from yoake.casework.cases.second_looks import finish_look

    assert waiting.post.current is not None
    row = SecondLook.objects.create(version=waiting.post.current, detector="llm_judge", due_at=timezone.now())
    cue = {"field": "text", "start": 0, "end": 5, "text": "高額バイト", "cue": "pointed_at", "weight": 0.0}
    order = {**cue, "field": "image:1", "cue": "instruction_to_a_program"}
    said = finding(detector="llm_judge", version="1-m", base=2.1972, spans=[cue, order])
    said |= {"uid": waiting.post.uid, "content_hash": waiting.post.current.content_hash}
    finish_look(row, "", findings_batch([said]).to_pylist(), timezone.now())
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert page.count('<article class="finding') == 2
    assert page.count('<span class="badge">language model</span>') == 1
    assert "pointed at by the language model" in page
    assert "speaks to a program that judges posts" in page
    assert "looked at the post again (language model: " in page


def test_what_a_colleague_reads_is_read_only(
    browser: Client, waiting: Case, as_supervisor: Actor, supervisor: User
) -> None:
    supervisor.last_name = "佐藤"
    supervisor.save()
    leases.take_lease(as_supervisor, waiting.pk)
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert "佐藤 is reading this post now" in page
    assert "data-decide" not in page
    looked = told(browser.post(f"/case/{waiting.pk}/lease/", {"version_id": waiting.post.current_id, "only_look": "1"}))
    assert "佐藤 is reading this post now" in looked
    refused = browser.post(f"/case/{waiting.pk}/decide/", decision(waiting))
    assert refused.status_code == 409
    assert "held by a colleague" in told(refused)
    leases.release_lease(as_supervisor, waiting.pk)
    looked = told(browser.post(f"/case/{waiting.pk}/lease/", {"version_id": waiting.post.current_id, "only_look": "1"}))
    assert "The post is free now" in looked
    assert not Lease.objects.exists()  # looking takes nothing


def test_another_body_is_not_named(browser: Client, waiting: Case, outsider: User) -> None:
    Lease.objects.create(
        post=waiting.post,
        organisation=outsider.memberships.get().organisation,
        user=outsider,
        taken_at=timezone.now(),
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    for address in (f"/case/{waiting.pk}/", "/live/", f"/live/pulse/?shown={waiting.pk}"):
        page = told(browser.get(address))
        assert "held by another body" in page
        assert "outsider" not in page


def test_deciding_shows_the_next_case_and_undo(browser: Client, many_waiting: Callable[[int], list[Case]]) -> None:
    first, second, third = sorted(many_waiting(3), key=lambda case: case.pk)
    page = told(browser.get(f"/case/{first.pk}/"))
    assert f'rel="next" data-keys="j" href="/case/{second.pk}/"' in page
    assert f'rel="prev" data-keys="k" href="/case/{third.pk}/"' in page  # before the first comes the last
    answer = browser.post(f"/case/{first.pk}/decide/", decision(first, "in_scope", category="drug_ad", reason=" 理由 "))
    assert answer["Location"] == f"/case/{second.pk}/?decided={first.pk}"
    made = Decision.objects.get()
    assert (made.verdict, made.category, made.reason) == ("in_scope", "drug_ad", "理由")
    page = told(browser.get(answer["Location"]))
    assert f'action="/case/{first.pk}/undo/"' in page
    undone = browser.post(f"/case/{first.pk}/undo/", follow=True)
    assert "The decision is undone" in told(undone)
    first.refresh_from_db()
    assert first.state == "waiting"


def test_after_the_last_case_comes_the_desk(browser: Client, waiting: Case) -> None:
    answer = browser.post(f"/case/{waiting.pk}/decide/", decision(waiting), follow=True)
    assert answer.redirect_chain == [(f"/live/?decided={waiting.pk}", 302)]
    assert "Nothing waits" in told(answer)
    assert f'action="/case/{waiting.pk}/undo/"' in told(answer)


def test_the_draft_of_what_is_recorded_only_goes_though_nothing_can_be_undone(browser: Client, waiting: Case) -> None:
    sent = decision(waiting, "in_scope", category="child_abuse_material", reason="消えるべき理由")
    page = told(browser.post(f"/case/{waiting.pk}/decide/", sent, follow=True))
    assert f'data-recorded="{waiting.pk}"' in page, "by this the browser forgets the draft"
    assert "/undo/" not in page
    assert "消えるべき理由" not in page


def test_the_filter_stays_while_one_works(browser: Client, live: Source) -> None:
    rows = [post(str(i), author_id=str(i)) for i in range(3)]
    arrive(live, rows, [finding(0, "drug_ad"), finding(1, "criminal_recruitment", 0.99), finding(2, "drug_ad")])
    drug_ads = list(Case.objects.filter(category="drug_ad").order_by("pk"))
    answer = browser.post(f"/case/{drug_ads[0].pk}/decide/", decision(drug_ads[0], desk_view="category=drug_ad"))
    assert answer["Location"] == f"/case/{drug_ads[1].pk}/?category=drug_ad&decided={drug_ads[0].pk}"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"verdict": ""}, "choose in scope, not in scope, cannot tell or duplicate"),
        ({"verdict": "guilty"}, "choose in scope, not in scope, cannot tell or duplicate"),
        ({"verdict": "in_scope"}, "choose the category that holds"),
        ({"verdict": "in_scope", "category": "no_such"}, "Category: known categories are"),
        ({"verdict": "not_in_scope", "reason": "あ" * 2001}, "Reason: at most 2000 characters"),
        ({"verdict": "not_in_scope", "version_id": "0"}, "The post changed since you opened it"),
        ({"verdict": "not_in_scope", "version_id": "x"}, "The post changed since you opened it"),
    ],
)
def test_what_cannot_be_recorded_is_said_in_a_sentence(
    browser: Client, waiting: Case, sent: dict[str, str], sentence: str
) -> None:
    answer = browser.post(f"/case/{waiting.pk}/decide/", decision(waiting) | {"reason": "残す"} | sent)
    assert answer.status_code == 409
    assert sentence in told(answer)
    if len(sent.get("reason", "")) < 10:
        assert sent.get("reason", "残す") in told(answer)  # what was typed is still there
    assert not Decision.objects.exists()


def test_a_post_that_changed_is_read_again(browser: Client, waiting: Case, live: Source) -> None:
    old = waiting.post.current_id
    arrive(live, [post(text="高額バイト 内容を書き換えました")], [finding()])
    line = told(browser.post(f"/case/{waiting.pk}/lease/", {"version_id": old}))
    assert "The post was edited while you read it" in line
    answer = browser.post(f"/case/{waiting.pk}/decide/", {"verdict": "not_in_scope", "version_id": old})
    assert answer.status_code == 409
    page = told(answer)
    assert "The post changed since you opened it" in page
    assert "高額バイト 内容を書き換えました" in page
    assert "高額バイト 詳しくはDMで" in page  # both versions


def test_a_case_decided_meanwhile(browser: Client, waiting: Case, as_supervisor: Actor) -> None:
    assert waiting.post.current_id
    actions.decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id)
    line = told(browser.post(f"/case/{waiting.pk}/lease/", {"version_id": waiting.post.current_id}))
    assert "supervisor has decided this case meanwhile" in line
    answer = browser.post(f"/case/{waiting.pk}/decide/", decision(waiting))
    assert answer.status_code == 409
    assert "This case is decided already" in told(answer)


def test_an_analyst_undoes_only_their_own(browser: Client, waiting: Case, as_supervisor: Actor) -> None:
    assert waiting.post.current_id
    actions.decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id)
    for address in (f"/case/{waiting.pk}/", "/live/", f"/live/?decided={waiting.pk}"):
        assert f"/case/{waiting.pk}/undo/" not in told(browser.get(address))
    answer = browser.post(f"/case/{waiting.pk}/undo/")
    assert answer.status_code == 409
    waiting.refresh_from_db()
    assert waiting.state == "decided"


def test_the_log_is_in_words(browser: Client, waiting: Case, analyst: User) -> None:
    analyst.last_name = "田中"
    analyst.save()
    browser.post(f"/case/{waiting.pk}/lease/", {"version_id": waiting.post.current_id})
    browser.post(f"/case/{waiting.pk}/decide/", decision(waiting, "in_scope", category="criminal_recruitment"))
    page = told(browser.get(f"/case/{waiting.pk}/"))
    log = page[page.index("log-title") :]
    for said in ("Patrol opened the case", "田中 started reading", "田中 made a decision (in scope: "):
        assert said in log
    assert Entry.objects.filter(subject=f"case:{waiting.pk}").count() == 4  # opened, looked at, taken, decided


def test_somebody_at_risk_is_never_accused(browser: Client, live: Source) -> None:
    taken = arrive(live, [post("1", "応募したら脅されています")], [finding(0, "coerced_applicant")])
    page = told(browser.get(f"/case/{taken.opened[0]}/"))
    assert "This person may need help." in page
    assert "#9110" in page
    desk = told(browser.get("/live/"))
    assert 'class="row grade-high at-risk"' in desk
    assert "May need help" in desk


@pytest.mark.parametrize("language", ["ja", "en"])
def test_practice_shows_the_model_answer_after_the_decision(analyst: User, practice: Source, language: str) -> None:
    browser = Client(HTTP_ACCEPT_LANGUAGE=language)
    browser.force_login(analyst)
    row = next(r for r in practice_stream.stream() if r["answer"]["verdict"] == "in_scope")
    taken = arrive(practice, [post(f"2026-11-20/{row['id']}", row["text"], network="practice")], [finding()])
    case = Case.objects.get(pk=taken.opened[0])
    why = row["answer"][language][:20]
    assert "model-answer" not in told(browser.get(f"/case/{case.pk}/"))
    answer = browser.post(f"/case/{case.pk}/decide/", decision(case), follow=True)
    assert answer.redirect_chain == [(f"/case/{case.pk}/", 302)]
    page = told(answer)
    assert "model-answer differs" in page
    assert escape(why) in page
    browser.post(f"/case/{case.pk}/undo/")
    browser.post(f"/case/{case.pk}/decide/", decision(case, "in_scope", category=row["answer"]["category"]))
    assert "model-answer agrees" in told(browser.get(f"/case/{case.pk}/"))


def test_a_record_only_category_stands_apart(browser: Client, waiting: Case) -> None:
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert f'<option value="{waiting.category}" selected>' in page
    kept, recorded = page.split('<optgroup label="Record only: address, time and count are kept">')
    assert 'value="child_abuse_material"' in recorded
    assert 'value="child_abuse_material"' not in kept
    told_of, _, _ = recorded.partition("</button>")
    assert 'class="fine record-only"' in told_of  # shown while one of them is chosen, before it is recorded
    assert "This cannot be undone" in told_of


def test_recording_only_leaves_the_address_and_no_way_back(browser: Client, live: Source) -> None:
    taken = arrive(live, [post(url="https://sns.example/1", author_handle="somebody")], [finding()])
    case = Case.objects.get(pk=taken.opened[0])
    answer = browser.post(
        f"/case/{case.pk}/decide/", decision(case, "in_scope", category="other_illegal", reason="引用した言葉")
    )
    desk = told(browser.get(answer["Location"] + "&beside=1"))
    page = told(browser.get(f"/case/{case.pk}/"))
    assert "of this post address, time and count are kept" in page
    assert "erased everything but address, time and count" in page
    for shown in (desk, page):
        assert "https://sns.example/1" in shown
        assert 'href="https://sns.example/1"' not in shown
        for gone in ("高額バイト", "somebody", "引用した言葉", f'action="/case/{case.pk}/undo/"'):
            assert gone not in shown
    assert browser.post(f"/case/{case.pk}/undo/").status_code == 409


def test_the_practice_desk_does_not_speak_of_erasing(browser: Client, practice: Source) -> None:
    taken = arrive(practice, [post(network="practice")], [finding()])
    assert "erased as soon as" not in told(browser.get(f"/case/{taken.opened[0]}/"))


def test_an_erased_post_says_so(browser: Client, waiting: Case) -> None:
    browser.post(f"/case/{waiting.pk}/decide/", decision(waiting))
    waiting.refresh_from_db()
    assert erase(waiting.post)
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert "were erased after their time" in page
    assert "高額バイト" not in page
    assert "高額バイト" not in told(browser.get("/live/?beside=1"))
    assert browser.post(f"/case/{waiting.pk}/undo/").status_code == 409


@pytest.mark.parametrize("url", ["javascript:alert(1)", "at://did:plc:x/app.bsky.feed.post/1", "data:text/html,x", ""])
def test_only_web_addresses_become_links(browser: Client, live: Source, url: str) -> None:
    taken = arrive(live, [post("1", url=url)], [finding()])
    page = told(browser.get(f"/case/{taken.opened[0]}/"))
    assert f'href="{url}"' not in page or not url
    assert 'target="_blank"' not in page


def test_what_can_be_read_from_a_post_is_told_once_and_goes_with_the_text(browser: Client, live: Source) -> None:
    text = "日給５万、明日 新宿で。テレグラム@mihon_<b> へ。新宿です"
    arrive(live, [post(text=text)], [finding()])
    case = Case.objects.get()
    page = told(browser.get(f"/case/{case.pk}/"))
    read = page.partition("Read from this post")[2].partition("</details>")[0]
    assert "¥50,000 a day" in read
    assert "telegram:mihon_" in read
    assert read.count("東京都") == 1
    assert "<b>" not in read
    PostVersion.objects.filter(post=case.post).update(text="こんにちは", profile="")
    assert "Read from this post" not in told(browser.get(f"/case/{case.pk}/"))
