"""Reports to authorities: whom the signs point to, what leaves, and what a person writes down afterwards."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.utils import timezone

from tests.evidence_world import queued, settle
from tests.outbox_world import decided, judged
from tests.report_world import CONTACTS, confirmed, drafted, partner, ready, with_key
from tests.world import NOON
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.categories import category
from yoake.casework.cases.holds import lift_hold, place_hold
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.prefectures import prefecture_of
from yoake.casework.evidence import bags
from yoake.casework.outbox.actions import discard, go_on, stop_all
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.moves import begin
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import withdraw
from yoake.casework.report import actions, queries, routing
from yoake.casework.report.models import Report
from yoake.casework.report.package import cover
from yoake.casework.sources.models import Source
from yoake.casework.wording.actions import set_letterhead
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

OSAKA = "大阪で高額バイト 詳しくはDMで"


# --- to whom ------------------------------------------------------------------------------------------------------------


def found(actor: Actor, case: Case) -> dict[str, list[tuple[str, str]]]:
    """The bodies that are proposed, in their order, with their reasons in short."""
    return {
        one.body.slug: [(reason.code, reason.words or reason.about) for reason in one.reasons]
        for one in routing.candidates(actor, case.pk)
    }


def test_signs_in_post_profile_and_parent_lead_to_the_bodies_of_their_places(as_analyst: Actor, live: Source) -> None:
    case = decided(
        as_analyst,
        live,
        text=OSAKA,
        profile="札幌在住 大阪勤務",
        parent_text="那覇で仕事ありませんか",
        url="https://social.example/1",
    )
    told = found(as_analyst, case)
    assert list(told) == [
        "police_osaka", "police_hokkaido", "police_okinawa",
        "internet_hotline_center",
        "labour_osaka", "labour_hokkaido", "labour_okinawa",
    ]  # fmt: skip
    assert told["police_osaka"] == [("sign", "大阪"), ("sign", "大阪")]
    assert [one.field for one in routing.candidates(as_analyst, case.pk)[0].reasons] == ["text", "profile"]
    assert told["police_okinawa"] == [("sign", "那覇")]
    assert told["labour_osaka"][0] == ("job_ad", "")
    assert told["internet_hotline_center"] == [("hotline_class", "illegal")]
    assert prefecture_of(case.post.current) == "大阪府"


def test_without_a_sign_a_person_chooses_from_all(as_analyst: Actor, live: Source) -> None:
    case = decided(as_analyst, live, category="drug_ad", text="野菜あります")
    assert list(found(as_analyst, case)) == ["internet_hotline_center"]
    everybody = {name: len(bodies) for name, _label, bodies in routing.others(as_analyst.organisation_id)}
    assert everybody == {"prefectural_police": 47, "labour_bureau": 47, "hotline": 1}


def test_labour_bureaus_take_job_ads_only(as_analyst: Actor, live: Source) -> None:
    case = decided(as_analyst, live, category="drug_ad", text="大阪 手押し")
    assert list(found(as_analyst, case)) == ["police_osaka", "internet_hotline_center"]


def test_what_is_hosted_abroad_can_go_to_the_partner_there(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    partner(as_administrator, "US")
    partner(as_administrator, "FR", "other_hotline")
    case = decided(as_analyst, live, category="drug_ad", text="野菜", url="https://x.com/somebody/status/1")
    assert list(found(as_analyst, case)) == ["internet_hotline_center", "example_hotline"]
    here = decided(as_analyst, live, category="drug_ad", native_id="2", text="野菜", url="https://ameblo.jp/a/1")
    assert list(found(as_analyst, here)) == ["internet_hotline_center"]


def test_a_hotline_reports_to_no_hotline(as_outsider: Actor, hotline: Organisation) -> None:
    source = Source.objects.create(organisation=hotline, name="live", connector="jsonl", options={"path": "-"})
    case = decided(as_outsider, source, category="drug_ad", text="大阪 野菜")
    assert list(found(as_outsider, case)) == ["police_osaka"]


# --- what forbids it -----------------------------------------------------------------------------------------------------


def test_a_category_that_forbids_it_forbids_it_in_the_action(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    for n, slug in enumerate(("coerced_applicant", "crime_job_seeker", "suicide_inducing", "side_job_scam_lure")):
        case = decided(as_analyst, live, category=slug, native_id=str(n), text=OSAKA)
        with pytest.raises(Refused, match="does not provide for a report"):
            drafted(as_analyst, case.pk)
        with pytest.raises(Refused, match="does not provide for a report"):
            routing.candidates(as_analyst, case.pk)
    assert not Report.objects.exists()
    assert not OutboxItem.objects.exists()


def test_only_what_stands_in_scope_is_reported(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    case = queued(live, text=OSAKA)
    with pytest.raises(Refused, match="stands in scope"):
        drafted(as_analyst, case.pk)
    judged(as_analyst, case)
    report = drafted(as_analyst, case.pk)
    undo(as_analyst, case.pk)
    with pytest.raises(Refused):
        ready(report, as_supervisor)


def test_the_practice_desk_reports_nothing(as_analyst: Actor, as_administrator: Actor, practice: Source) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, practice, text=OSAKA)
    assert case.practice
    with pytest.raises(Refused, match="practice"):
        drafted(as_analyst, case.pk)


def test_nothing_goes_to_what_nobody_confirmed(
    as_analyst: Actor, as_administrator: Actor, as_supervisor: Actor, live: Source
) -> None:
    case = decided(as_analyst, live, text=OSAKA)
    for channel in ("by_hand", "email"):
        with pytest.raises(Refused, match="nobody confirmed"):
            drafted(as_analyst, case.pk, channel=channel)
    confirmed(as_administrator, "police_osaka", address=CONTACTS["address"])
    report = drafted(as_analyst, case.pk)
    withdraw(as_administrator, "police_osaka", "address")
    stopped = ready(report, as_supervisor)  # the worker looks once more before anybody carries it out
    assert (stopped.item.state, stopped.item.stopped_why) == ("stopped", "unconfirmed")


def test_a_recipient_takes_only_its_own_channels_and_bodies(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, live, text=OSAKA)
    with pytest.raises(BadInput, match="by_hand, email"):
        drafted(as_analyst, case.pk, channel="hotline_form")
    with pytest.raises(BadInput, match="a body of this sort"):
        drafted(as_analyst, case.pk, "police_osaka", recipient="hotline")
    with pytest.raises(BadInput, match="registers"):
        drafted(as_analyst, case.pk, "police_nowhere")


def test_a_body_gets_one_report_about_a_case(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    for slug in ("police_osaka", "police_tokyo"):
        confirmed(as_administrator, slug)
    case = decided(as_analyst, live, text=OSAKA)
    first = drafted(as_analyst, case.pk)
    with pytest.raises(Refused, match="has a report about this case"):
        drafted(as_analyst, case.pk)
    assert drafted(as_analyst, case.pk, "police_tokyo").why == [{"code": "chosen"}]
    discard(as_analyst, first.item_id)
    again = drafted(as_analyst, case.pk)
    assert again.item.body["facts"]["number"] == f"{case.pk}-3"


def test_another_organisation_reaches_nothing(
    as_analyst: Actor, as_outsider: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    report = drafted(as_analyst, decided(as_analyst, live, text=OSAKA).pk)
    assert queries.reports_of(as_outsider) == []
    for act in (queries.report_of, actions.take_package, actions.acknowledge):
        with pytest.raises(BadInput, match="no such report"):
            act(as_outsider, report.pk)


# --- what it says ----------------------------------------------------------------------------------------------------------


def test_what_it_says_is_hedged_and_holds_no_names(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    confirmed(as_administrator, "police_osaka")
    set_letterhead(as_administrator, "架空県警察", "Example Police", "03-0000-0000")
    url = "https://social.example/post/1"
    case = decided(as_analyst, live, text=OSAKA, url=url, author_name="募集する人", author_handle="recruiter")
    report = drafted(as_analyst, case.pk, reason="高額とのみ記載がある。")
    facts, text = report.item.body["facts"], report.item.body["text"]
    assert facts["url"] == url
    assert facts["by"] == "S-ana"
    assert facts["hotline_class"] == "違法情報"
    assert facts["why"] == ["投稿に大阪府を示す記載があるため"]
    assert "おそれがある" in text
    assert "高額とのみ記載がある。" in text
    assert "03-0000-0000" in text
    for name in ("analyst", "募集する人", "recruiter", OSAKA):
        assert name not in text
    bases = category("criminal_recruitment").legal_basis
    assert facts["legal_basis"] == [f"{one.act.ja} {one.article}" for one in bases if one.verified]
    unverified = [f"{one.act.ja} {one.article}" for one in bases if not one.verified]
    assert unverified
    assert not [one for one in unverified if one in text]
    kept = json.dumps(list(Entry.objects.values_list("facts", flat=True)), ensure_ascii=False)
    assert "高額" not in kept
    assert "大阪" not in kept
    assert "大阪で" not in json.dumps(report.why, ensure_ascii=False)


def test_a_partner_is_written_to_in_english(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    partner(as_administrator)
    confirmed(as_administrator, "example_hotline")
    case = decided(as_analyst, live, category="drug_ad", text="大阪", url="https://x.com/a/status/1")
    report = drafted(as_analyst, case.pk, "example_hotline", "hotline_form", reason="It seems to offer a drug.")
    text = report.item.body["text"]
    assert text.startswith("To Example Hotline")
    assert "may fall under “" in text
    assert "The provider sits abroad (US)." in text
    assert report.item.to["form"] == CONTACTS["form"]


def test_a_reason_too_long_is_refused(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, live, text=OSAKA)
    with pytest.raises(BadInput, match="at most 2000"):
        drafted(as_analyst, case.pk, reason="あ" * 2001)


def test_of_what_is_recorded_only_the_address_is_reported(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "internet_hotline_center")
    url = "https://social.example/post/9"
    case = decided(as_analyst, live, native_id="9", text=OSAKA, url=url, author_handle="someone")
    undo(as_analyst, case.pk)
    decide(
        as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="obscene_display", reason="x"
    )  # fmt: skip
    case = Case.objects.select_related("post").get(pk=case.pk)
    assert case.post.erased_at is not None
    report = ready(drafted(as_analyst, case.pk, "internet_hotline_center", "hotline_form"), as_supervisor)
    assert report.item.state == "sending"
    assert report.item.body["facts"]["url"] == url
    assert report.item.body["facts"]["reason"] == ""
    assert "大阪" not in json.dumps(report.item.body, ensure_ascii=False)
    assert "証拠は保全していません" in report.item.body["text"]


def test_the_sheet_is_read_by_another_program(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    confirmed(as_administrator, "police_osaka")
    url = "https://social.example/" + "x" * 120
    case = decided(as_analyst, live, text=OSAKA, url=url)
    facts = drafted(as_analyst, case.pk, reason="#eval(1) 高額とのみ記載がある。", urgent=True).item.body["facts"]
    document = pypdfium2.PdfDocument(cover(facts, NOON))
    told = "".join(document[n].get_textpage().get_text_range() for n in range(len(document)))
    for part in (
        "通報票",
        "至急",
        "大阪府警察",
        "S-ana",
        "#eval(1) 高額とのみ記載がある。",
        "投稿に大阪府を示す記載があるため",
    ):
        assert part in told
    assert url in told.replace("\r", "").replace("\n", "")
    assert cover(facts, NOON) == cover(facts, NOON)


# --- the package -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed_in_osaka(vault: Path, live: Source, in_scope: Callable[..., Case], as_administrator: Actor) -> Case:
    """A case in scope whose evidence is sealed, and a force with confirmed contacts."""
    confirmed(as_administrator, "police_osaka", NOON)
    case = queued(live, text=OSAKA, url="https://social.example/=1")
    settle()
    in_scope(case)
    settle()
    return case


def test_the_package_has_sheet_address_and_evidence_that_the_recipient_alone_opens(
    sealed_in_osaka: Case, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor
) -> None:
    pair = with_key(as_administrator, "police_osaka")
    report = drafted(as_analyst, sealed_in_osaka.pk)
    with pytest.raises(Refused, match="approved"):
        actions.take_package(as_analyst, report.pk)
    ready(report, as_supervisor)
    name, octets = actions.take_package(as_analyst, report.pk)
    assert name == f"report-{sealed_in_osaka.pk}-1.zip"
    with zipfile.ZipFile(io.BytesIO(octets)) as package:
        files = {one: package.read(one) for one in package.namelist()}
    assert sorted(files) == ["cover.pdf", "evidence.zip.age", "items.csv", "report.json", "sha256.txt"]
    assert files["cover.pdf"].startswith(b"%PDF-")
    lines = files["sha256.txt"].decode().splitlines()
    sums = {line.partition("  ")[2]: line.partition("  ")[0] for line in lines}
    assert sums == {one: sha256(files[one]).hexdigest() for one in files if one != "sha256.txt"}
    rows = list(csv.DictReader(io.StringIO(files["items.csv"].decode("utf-8-sig"))))
    assert [row["url"] for row in rows] == ["https://social.example/=1"]
    bag = bags.check(bags.decrypt_with(files["evidence.zip.age"], str(pair)))
    assert bag.problems == []
    assert bag.digest in json.loads(files["report.json"])["evidence"]
    assert OSAKA.encode() not in octets
    taken = Entry.objects.filter(kind="report_package_taken").get()
    assert taken.facts == {"report": report.pk, "evidence": True}


def test_a_package_is_not_handed_out_while_sending_is_stopped_or_another_body_holds_the_post(
    sealed_in_osaka: Case, as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor
) -> None:
    report = ready(drafted(as_analyst, sealed_in_osaka.pk), as_supervisor)
    stop_all(as_analyst)
    with pytest.raises(Refused, match="approved"):
        actions.take_package(as_analyst, report.pk)
    go_on(as_supervisor)
    report.item.refresh_from_db()
    begin(report.item_id, timezone.now())
    hold = place_hold(as_outsider, "url", "https://social.example/=1", days=3)
    with pytest.raises(Refused, match="another body"):
        actions.take_package(as_analyst, report.pk)
    lift_hold(as_outsider, hold.pk)
    assert actions.take_package(as_analyst, report.pk)


def test_without_a_key_no_evidence_goes_and_the_sheet_says_so(
    sealed_in_osaka: Case, as_analyst: Actor, as_supervisor: Actor
) -> None:
    report = ready(drafted(as_analyst, sealed_in_osaka.pk), as_supervisor)
    _name, octets = actions.take_package(as_analyst, report.pk)
    with zipfile.ZipFile(io.BytesIO(octets)) as package:
        assert "evidence.zip.age" not in package.namelist()
    assert "ご要望に応じて別途お渡しします" in report.item.body["facts"]["evidence"]


def test_a_key_that_was_withdrawn_is_not_used(
    sealed_in_osaka: Case, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor
) -> None:
    with_key(as_administrator, "police_osaka")
    report = ready(drafted(as_analyst, sealed_in_osaka.pk), as_supervisor)
    withdraw(as_administrator, "police_osaka", "public_key")
    with pytest.raises(Refused, match="nobody confirmed the public key"):
        actions.take_package(as_analyst, report.pk)


def test_evidence_that_is_not_sealed_yet_is_not_promised(
    vault: Path, live: Source, as_analyst: Actor, as_administrator: Actor
) -> None:
    confirmed(as_administrator, "police_osaka", NOON)
    with_key(as_administrator, "police_osaka", NOON)
    case = queued(live, text=OSAKA)
    settle()
    judged(as_analyst, case)
    facts = drafted(as_analyst, case.pk).item.body["facts"]
    assert facts["attached"] is False
    assert "保全手続中" in facts["evidence"]


def test_a_package_is_made_in_under_two_seconds(
    sealed_in_osaka: Case, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor
) -> None:
    with_key(as_administrator, "police_osaka")
    report = ready(drafted(as_analyst, sealed_in_osaka.pk), as_supervisor)
    actions.take_package(as_analyst, report.pk)  # fonts and templates are read once
    began = time.perf_counter()
    actions.take_package(as_analyst, report.pk)
    assert time.perf_counter() - began < 2


# --- by mail ------------------------------------------------------------------------------------------------------------


def test_a_mail_carries_the_sheet_and_nothing_of_the_evidence(
    sealed_in_osaka: Case, as_analyst: Actor, as_administrator: Actor
) -> None:
    with_key(as_administrator, "police_osaka")
    sender = _mailbox(as_administrator)
    report = drafted(as_analyst, sealed_in_osaka.pk, channel="email", sender_id=sender, urgent=True)
    item = report.item
    assert item.to == {"mail": CONTACTS["email"]}
    assert item.body["subject"].startswith(f"【至急】【通報 {sealed_in_osaka.pk}-1】")
    (attached,) = item.body["attachments"]
    assert attached["name"] == "cover.pdf"
    assert base64.b64decode(attached["base64"]).startswith(b"%PDF-")
    assert "本メールには添付していません" in item.body["text"]
    with pytest.raises(Refused, match="by hand"):
        actions.take_package(as_analyst, report.pk)


def _mailbox(administrator: Actor) -> int:
    from yoake.casework.outbox.senders import add_sender

    given = {"address": "desk@office.example", "host": "127.0.0.1", "port": "9", "security": "none"}
    return add_sender(administrator, "email", "desk", given).pk


# --- what a person writes down afterwards -----------------------------------------------------------------------------------


def test_from_the_draft_to_the_result(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, live, text=OSAKA)
    report = drafted(as_analyst, case.pk)
    assert queries.stands(report) == "draft"
    with pytest.raises(Refused, match="not ready"):
        actions.handed_over(as_analyst, report.pk, "usb")
    assert queries.stands(ready(report, as_supervisor)) == "ready"
    with pytest.raises(Refused, match="did not go yet"):
        actions.acknowledge(as_analyst, report.pk)
    with pytest.raises(BadInput, match="disc, usb, paper, line"):
        actions.handed_over(as_analyst, report.pk, "pigeon")
    done = actions.handed_over(as_analyst, report.pk, "usb", " 受領 12 号 ")
    assert (done.medium, done.receipt, queries.stands(done)) == ("usb", "受領 12 号", "sent")
    with pytest.raises(Refused):
        actions.handed_over(as_analyst, report.pk, "usb")
    actions.acknowledge(as_analyst, report.pk, "A-7")
    with pytest.raises(Refused, match="already"):
        actions.acknowledge(as_analyst, report.pk)
    with pytest.raises(BadInput):
        actions.record_result(as_analyst, report.pk, "perhaps")
    actions.record_result(as_analyst, report.pk, "accepted", "捜査中とのこと")
    actions.record_result(as_analyst, report.pk, "pursued", "検挙に至ったとのこと")
    told = queries.report_of(as_analyst, report.pk).report
    assert (queries.stands(told), told.result, told.receipt) == ("result", "pursued", "A-7")
    kinds = list(Entry.objects.filter(kind__startswith="report_").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["report_drafted", "report_handed_over", "report_acknowledged", "report_result", "report_result"]


def test_a_hotline_form_is_sent_by_a_person(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "internet_hotline_center")
    case = decided(as_analyst, live, category="drug_ad", text="野菜", url="https://social.example/1")
    report = ready(drafted(as_analyst, case.pk, "internet_hotline_center", "hotline_form"), as_supervisor)
    done = actions.handed_over(as_analyst, report.pk, "", "H-1")
    assert (done.medium, done.receipt) == ("form", "H-1")


def test_where_a_category_demands_it_a_second_person_approves(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, live, category="minor_approach", text=OSAKA)
    assert case.state == "second_review"
    with pytest.raises(Refused):
        drafted(as_analyst, case.pk)
    Case.objects.filter(pk=case.pk).update(state="decided")  # a second person judged it the same
    assert Decision.objects.get().category == "minor_approach"
    report = drafted(as_analyst, case.pk, urgent=True)
    item = ready(report, as_analyst, as_supervisor).item
    assert (item.second_needed, item.state) == (True, "sending")


def test_after_five_business_days_without_an_answer_somebody_should_ask(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    report = ready(drafted(as_analyst, decided(as_analyst, live, text=OSAKA).pk), as_supervisor)
    actions.handed_over(as_analyst, report.pk, "paper")
    now = timezone.now()
    assert not queries.report_of(as_analyst, report.pk, now + timedelta(days=4)).overdue
    assert queries.report_of(as_analyst, report.pk, now + timedelta(days=16)).overdue
    actions.acknowledge(as_analyst, report.pk)
    assert not queries.report_of(as_analyst, report.pk, now + timedelta(days=16)).overdue


def test_the_list_shows_first_what_waits_and_takes_as_many_queries_for_many(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source, django_assert_num_queries: Any
) -> None:
    for slug in ("police_osaka", "police_tokyo", "police_kyoto"):
        confirmed(as_administrator, slug)
    case = decided(as_analyst, live, text=OSAKA)
    sent = ready(drafted(as_analyst, case.pk), as_supervisor)
    actions.handed_over(as_analyst, sent.pk, "usb")
    with django_assert_num_queries(6):
        queries.reports_of(as_analyst)
    late = drafted(as_analyst, case.pk, "police_tokyo")
    urgent = drafted(as_analyst, case.pk, "police_kyoto", urgent=True)
    with django_assert_num_queries(6):
        shown = queries.reports_of(as_analyst)
    assert [one.report.pk for one in shown] == [urgent.pk, late.pk, sent.pk]
    assert [one.report.pk for one in queries.reports_of(as_analyst, where="sent")] == [sent.pk]
    assert queries.waiting_reports(as_analyst) == 2
