"""The life of evidence: captured when a case is queued, sealed in scope, erased otherwise; who is asked, who takes it out."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.evidence_world import LATER, SOON, queued, settle
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases import actions, retention
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Case, Decision, Preservation
from yoake.casework.cases.preserving import note_missing
from yoake.casework.cases.stop import stop
from yoake.casework.evidence import bags
from yoake.casework.evidence.actions import bag, follow, keep_on, let_go
from yoake.casework.evidence.boxes import file_of, read_box, unpacked
from yoake.casework.evidence.canonical import canonical
from yoake.casework.evidence.keys import decrypt, key_of, listed
from yoake.casework.evidence.models import Evidence
from yoake.casework.evidence.queries import holding_of, sealed_of, undecided, undecided_count
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]

TEXT = "高額バイト 詳しくはDMで"


def kinds(case: Case) -> list[str]:
    entries = Entry.objects.filter(subject=f"case:{case.pk}", kind__startswith="evidence").order_by("id")
    return list(entries.values_list("kind", flat=True))


def inside(row: Evidence) -> dict[str, bytes]:
    row.refresh_from_db()
    return read_box(row, key_of(row))


def files(vault: Path) -> list[Path]:
    return sorted(file for file in (vault / "evidence").rglob("*") if file.is_file() and file.name != "keys.list")


# --- captured ---------------------------------------------------------------------------------------------------------


def test_a_queued_case_is_captured_provisionally(waiting: Case, vault: Path) -> None:
    settle()
    row = Evidence.objects.get()
    assert (row.case_id, row.state, row.captured_at, row.ask_at) == (
        waiting.pk, "provisional", SOON, SOON + timedelta(hours=72),
    )  # fmt: skip
    told = json.loads(inside(row)["versions/1.json"])
    assert (told["text"], told["network"], told["native_id"], told["captured_at"]) == (
        TEXT, "test", "1", "2026-11-20T03:00:30.000000Z",
    )  # fmt: skip
    assert canonical(told) == inside(row)["versions/1.json"]
    assert kinds(waiting)[0] == "evidence_captured"
    assert first_break() is None
    settle(LATER)
    assert kinds(waiting) == ["evidence_captured"]  # once


def test_what_lies_on_the_disk_is_encrypted_and_for_its_owner_only(waiting: Case, vault: Path) -> None:
    settle()
    (file,) = files(vault)
    row = Evidence.objects.get()
    assert file == file_of(row)
    for one in (file, vault / "evidence" / "keys.list", vault / "key" / "evidence.key"):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert stat.S_IMODE(one.parent.stat().st_mode) & 0o077 == 0 or one.parent.name == "key"
        assert "高額".encode() not in one.read_bytes()
    assert key_of(row) not in file.read_bytes()
    assert key_of(row) not in bytes(row.key)


def test_practice_is_not_captured(practice: Source, vault: Path) -> None:
    arrive(practice, [post("2026-11-20/p001", network="practice")], [finding()])
    settle()
    assert not Evidence.objects.exists()
    assert not Preservation.objects.exists()


def test_what_an_edit_says_is_captured_too(waiting: Case, live: Source) -> None:
    settle()
    arrive(live, [post(text="高額バイト 今日から UD募集")], [finding()], now=NOON + timedelta(minutes=5))
    settle(LATER)
    found = inside(Evidence.objects.get())
    said = [json.loads(found[f"versions/{n}.json"])["text"] for n in (1, 2)]
    assert said == [TEXT, "高額バイト 今日から UD募集"]


def test_what_another_body_typed_is_not_in_ones_evidence(
    as_analyst: Actor, as_outsider: Actor, live: Source, police: Organisation
) -> None:
    url = "https://board.example/1"
    actions.add_by_hand(as_analyst, url=url, text="警察の人が書き写した文", now=NOON)
    actions.add_by_hand(as_outsider, url=url, text="ホットラインが書き写した文", now=NOON + timedelta(seconds=1))
    settle()
    for row in Evidence.objects.select_related("case"):
        own = "警察" if row.case is not None and row.case.organisation_id == police.pk else "ホットライン"
        other = {"警察": "ホットライン", "ホットライン": "警察"}[own]
        whole = b"".join(inside(row).values()).decode()
        assert own in whole
        assert other not in whole


def test_cases_from_before_there_was_evidence_are_captured(waiting: Case) -> None:
    Preservation.objects.all().delete()
    assert note_missing(SOON) == 1
    assert note_missing(SOON) == 0
    settle()
    assert Evidence.objects.get().state == "provisional"


# --- sealed -----------------------------------------------------------------------------------------------------------


def test_a_decision_in_scope_seals_and_the_chain_holds_the_digest(sealed: Evidence) -> None:
    case = Case.objects.get()
    assert sealed_of(case) == sealed
    found = inside(sealed)
    assert set(found) == {"case.json", "versions/1.json"}
    manifest = bags.manifest_of({f"data/{name}": octets for name, octets in found.items()})
    assert sealed.digest == sha256(manifest).hexdigest()
    entry = Entry.objects.get(kind="evidence_sealed")
    assert (entry.pk, entry.facts["manifest"], entry.facts["files"]) == (sealed.entry, sealed.digest, 2)
    assert first_break() is None
    told = json.loads(found["case.json"])
    assert told["decisions"][0]["by"] == "S-ana"
    assert "analyst" not in json.dumps(told)  # staff numbers, never names
    assert (told["decisions"][0]["category"], told["decisions"][0]["reason"]) == ("criminal_recruitment", "高額")
    assert told["fetched"] == {"raw": "source_off"} or told["fetched"]["raw"] in ("refused", "no_way", "no_source")
    assert sealed.ask_at is None


def test_sealing_waits_ten_minutes_for_pictures_and_no_longer(waiting: Case, in_scope: Callable[..., Case]) -> None:
    follow(waiting.pk, SOON)
    in_scope(waiting)
    assert follow(waiting.pk, SOON) == SOON + timedelta(minutes=10)
    assert sealed_of(Case.objects.get()) is None
    assert follow(waiting.pk, SOON + timedelta(minutes=10)) is None
    assert sealed_of(Case.objects.get()) is not None


def test_a_decision_taken_back_unseals_nothing_but_is_asked_about(sealed: Evidence, as_analyst: Actor) -> None:
    case = Case.objects.get()
    before = sealed.digest
    actions.undo(as_analyst, case.pk, now=SOON + timedelta(minutes=1))
    settle(LATER)
    case.refresh_from_db()
    sealed.refresh_from_db()
    assert sealed_of(case) is None
    assert (sealed.state, sealed.digest, sealed.ask_at) == ("sealed", before, LATER + timedelta(hours=72))


def test_another_decision_in_scope_seals_anew(
    sealed: Evidence, as_analyst: Actor, in_scope: Callable[..., Case]
) -> None:
    before = sealed.digest
    actions.undo(as_analyst, Case.objects.get().pk, now=SOON + timedelta(minutes=1))
    case = in_scope(Case.objects.get(), "drug_ad", now=SOON + timedelta(minutes=2))
    settle(LATER)
    sealed.refresh_from_db()
    assert sealed_of(case) == sealed
    assert sealed.digest != before
    told = json.loads(inside(sealed)["case.json"])
    assert [one["verdict"] for one in told["decisions"]] == ["in_scope", None, "in_scope"]
    manifests = [entry.facts["manifest"] for entry in Entry.objects.filter(kind="evidence_sealed").order_by("id")]
    assert manifests == [before, sealed.digest]


def test_a_second_judgement_is_waited_for(
    live: Source, as_analyst: Actor, as_supervisor: Actor, in_scope: Callable[..., Case]
) -> None:
    case = queued(live, text="16歳です 高額バイト 詳しくはDMで")
    settle()
    case = in_scope(case)
    assert case.state == Case.State.SECOND_REVIEW
    settle(LATER)
    assert Evidence.objects.get().state == "provisional"


# --- erased -----------------------------------------------------------------------------------------------------------


def decide(actor: Actor, case: Case, verdict: str, now: Any = SOON, **more: Any) -> None:
    actions.decide(actor, case.pk, verdict, version_id=case.post.current_id or 0, now=now, **more)


def test_not_in_scope_destroys_key_and_file(
    waiting: Case, as_analyst: Actor, vault: Path, django_capture_on_commit_callbacks: Any
) -> None:
    settle()
    row = Evidence.objects.get()
    key, uid, (file,) = bytes(row.key), str(row.uid), files(vault)
    octets = file.read_bytes()
    decide(as_analyst, waiting, "not_in_scope")
    with django_capture_on_commit_callbacks(execute=True):
        settle()
    row.refresh_from_db()
    assert (row.state, bytes(row.key), row.erased_why, row.versions) == ("erased", b"", "not_in_scope", [])
    assert files(vault) == []
    assert list(listed()) == [(uid, "", b"")]
    for one in (vault / "evidence" / "keys.list", vault / "key" / "evidence.key"):
        assert key not in one.read_bytes()
    with pytest.raises(Refused, match="destroyed"):
        key_of(row)
    assert octets  # what a backup may still have: nobody has the key
    assert kinds(waiting)[-1] == "evidence_erased"


def test_a_worker_killed_between_key_and_file_leaves_nothing_for_long(
    waiting: Case, as_analyst: Actor, vault: Path
) -> None:
    settle()
    decide(as_analyst, waiting, "not_in_scope")
    follow(waiting.pk, SOON)  # the transaction of a test never ends: what comes after it is not done
    assert Evidence.objects.get().state == "erased"
    assert len(files(vault)) == 1
    settle()
    assert files(vault) == []
    assert [name for _uid, name, _key in listed()] == [""]


def test_undone_not_in_scope_is_captured_anew(waiting: Case, as_analyst: Actor) -> None:
    settle()
    before = Evidence.objects.get().uid
    decide(as_analyst, waiting, "not_in_scope")
    settle()
    actions.undo(as_analyst, waiting.pk, now=LATER)
    settle(LATER)
    row = Evidence.objects.get()
    assert (row.state, row.captured_at) == ("provisional", LATER)
    assert row.uid != before
    assert json.loads(inside(row)["versions/1.json"])["text"] == TEXT


def test_a_legal_hold_keeps_it(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    settle()
    hold = retention.place_hold(as_supervisor, waiting.pk, "enquiry", now=SOON)
    decide(as_analyst, waiting, "not_in_scope")
    settle()
    assert Evidence.objects.get().state == "provisional"
    retention.lift_hold(as_supervisor, hold.pk, now=LATER)
    settle(LATER)
    assert Evidence.objects.get().state == "erased"


@pytest.mark.parametrize("verdict", ["not_in_scope", "in_scope"])
def test_the_stop_key_destroys_sealed_and_provisional(
    waiting: Case, as_analyst: Actor, vault: Path, verdict: str, django_capture_on_commit_callbacks: Any
) -> None:
    settle()
    if verdict == "in_scope":
        decide(as_analyst, waiting, verdict, category_slug="drug_ad")
        settle()
    with django_capture_on_commit_callbacks(execute=True):
        stop(as_analyst, waiting.pk, SOON)
    row = Evidence.objects.get()
    assert (row.state, bytes(row.key), row.erased_why) == ("erased", b"", "stopped")
    assert files(vault) == []
    assert [name for _uid, name, _key in listed()] == [""]
    settle(LATER)
    assert Evidence.objects.get().state == "erased"  # and never captured again


def test_evidence_goes_with_its_post(sealed: Evidence, vault: Path, django_capture_on_commit_callbacks: Any) -> None:
    case = Case.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        assert erase(case.post, NOON + timedelta(days=400))
    sealed.refresh_from_db()
    assert (sealed.state, sealed.erased_why) == ("erased", "retention")
    assert files(vault) == []


def test_record_only_keeps_nothing(waiting: Case, as_analyst: Actor) -> None:
    settle()
    decide(as_analyst, waiting, "in_scope", category_slug="obscene_display")
    settle()
    assert Evidence.objects.get().state == "erased"


def test_evidence_whose_case_is_gone_goes(waiting: Case, vault: Path) -> None:
    settle()
    Decision.objects.all().delete()
    Case.objects.all().delete()
    settle(LATER)
    row = Evidence.objects.get()
    assert (row.case_id, row.state, row.erased_why) == (None, "erased", "case_gone")
    settle(LATER)
    assert files(vault) == []


# --- pictures that may not stay ---------------------------------------------------------------------------------------


def test_a_picture_goes_when_somebody_judges_that_the_writer_is_in_danger(
    waiting: Case, in_scope: Callable[..., Case]
) -> None:
    from yoake.casework.evidence.actions import Fetched, keep_fetched

    settle()
    row = Evidence.objects.get()
    png = b"\x89PNG\r\n\x1a\n" + bytes(40)
    assert keep_fetched(row.pk, row.versions[-1], Fetched({"pictures/1-1.png": png}, {"1-1": "kept"}), SOON)
    assert inside(row)["pictures/1-1.png"] == png
    in_scope(waiting, "coerced_applicant")
    settle()
    assert "pictures/1-1.png" not in inside(row)
    row.refresh_from_db()
    assert row.fetched["1-1"] == "at_risk"
    assert row.state == "sealed"


# --- asking a supervisor ----------------------------------------------------------------------------------------------

AFTER = SOON + timedelta(hours=72)


def test_an_undecided_case_past_72_hours_asks_a_supervisor(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor
) -> None:
    settle()
    assert not undecided(as_supervisor, AFTER - timedelta(seconds=1)).exists()
    assert [row.case_id for row in undecided(as_supervisor, AFTER)] == [waiting.pk]
    assert undecided_count(as_analyst, AFTER) == 0
    assert undecided_count(as_outsider, AFTER) == 0
    held = holding_of(as_analyst, waiting, AFTER)
    assert held is not None
    assert held.overdue


def test_cannot_tell_is_no_decision(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    settle()
    decide(as_analyst, waiting, "cannot_tell")
    settle(LATER)
    assert undecided_count(as_supervisor, AFTER) == 1


def test_a_supervisor_keeps_on_or_lets_go(waiting: Case, as_supervisor: Actor, as_analyst: Actor) -> None:
    settle()
    with pytest.raises(Refused, match="72 hours"):
        keep_on(as_supervisor, waiting.pk, now=SOON)
    keep_on(as_supervisor, waiting.pk, now=AFTER)
    assert undecided_count(as_supervisor, AFTER) == 0
    assert undecided_count(as_supervisor, AFTER + timedelta(hours=72)) == 1
    let_go(as_supervisor, waiting.pk, now=AFTER + timedelta(hours=72))
    assert Evidence.objects.get().state == "erased"
    follow(waiting.pk, AFTER + timedelta(hours=73))
    assert Evidence.objects.get().state == "erased", "nobody asked for it again"
    decide(as_analyst, waiting, "in_scope", category_slug="drug_ad", now=AFTER + timedelta(hours=73))
    settle(AFTER + timedelta(hours=74))
    assert Evidence.objects.get().state == "sealed"


def test_sealed_evidence_asks_nobody(sealed: Evidence, as_supervisor: Actor) -> None:
    assert undecided_count(as_supervisor, AFTER) == 0


# --- taking it out ----------------------------------------------------------------------------------------------------


def test_a_bag_is_taken_out_and_it_is_recorded(sealed: Evidence, as_supervisor: Actor) -> None:
    made = bag(as_supervisor, Case.objects.get().pk, now=LATER)
    found = bags.check(made)
    assert found.problems == []
    assert (found.number, found.digest, found.files) == (sealed.number, sealed.digest, 2)
    assert found.entry["facts"]["manifest"] == sealed.digest
    entry = Entry.objects.get(kind="evidence_exported")
    assert entry.facts == {"manifest": sealed.digest, "sha256": sha256(made).hexdigest(), "recipient": ""}
    assert b"analyst" not in made
    assert first_break() is None


def test_nothing_is_taken_out_that_is_not_sealed(waiting: Case, as_supervisor: Actor, as_outsider: Actor) -> None:
    settle()
    with pytest.raises(Refused, match="nothing of this case is sealed"):
        bag(as_supervisor, waiting.pk)
    with pytest.raises(BadInput):
        bag(as_outsider, waiting.pk)


def test_a_file_that_was_changed_is_not_passed_on(sealed: Evidence, as_supervisor: Actor, vault: Path) -> None:
    (file,) = files(vault)
    octets = bytearray(file.read_bytes())
    octets[-40] ^= 1
    file.write_bytes(octets)
    with pytest.raises(Refused, match="damaged or was changed"):
        bag(as_supervisor, Case.objects.get().pk)


def test_a_box_swapped_for_that_of_another_case_is_noticed(
    sealed: Evidence, live: Source, as_supervisor: Actor, in_scope: Callable[..., Case]
) -> None:
    other = in_scope(queued(live, "2"), now=SOON)
    settle(LATER)
    second = Evidence.objects.get(case=other)
    file_of(sealed).write_bytes(file_of(second).read_bytes())
    with pytest.raises(Refused, match="damaged or was changed"):
        bag(as_supervisor, sealed.case_id or 0)


def test_whoever_is_to_judge_blindly_gets_no_evidence(
    sealed: Evidence, as_supervisor: Actor, as_administrator: Actor
) -> None:
    from yoake.casework.cases.models import SecondReview

    first = Decision.objects.get()
    SecondReview.objects.create(case_id=first.case_id, first=first, why="lot", drawn=True, asked_at=SOON)
    with pytest.raises(Refused, match="your own judgement"):
        bag(as_supervisor, first.case_id)


def test_a_box_is_what_it_says(sealed: Evidence) -> None:
    """Read without any code of ours but the cipher: the layout stays what docs/howto/evidence.md says."""
    file = file_of(sealed)
    assert set(unpacked(decrypt(file.read_bytes(), key_of(sealed), file.name))) == {"case.json", "versions/1.json"}
