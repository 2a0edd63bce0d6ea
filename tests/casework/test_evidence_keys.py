"""Keys of evidence: rotated, lost, restored, brought back by a backup; nothing is lost silently and nothing comes back."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.evidence_world import LATER, SOON, queued, settle
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions
from yoake.casework.cases.models import Case, Preservation
from yoake.casework.evidence import bags, rotating
from yoake.casework.evidence.actions import bag
from yoake.casework.evidence.boxes import read_box
from yoake.casework.evidence.destroying import destroy
from yoake.casework.evidence.keys import key_file, key_of, list_file, listed, masters, unwrap, write_masters
from yoake.casework.evidence.models import Evidence, MasterKey
from yoake.casework.evidence.rescue import rescue
from yoake.casework.evidence.rotating import again, give_up_lost, rotate_master
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import Refused
from yoake.pipeline.duties import seal as sealing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]


def readable(row: Evidence) -> bool:
    row.refresh_from_db()
    return "case.json" in read_box(row, key_of(row))


# --- rotating ---------------------------------------------------------------------------------------------------------


def test_rotating_wraps_every_key_anew_and_forgets_the_old_one(sealed: Evidence, live: Source) -> None:
    queued(live, "2")
    settle(LATER)
    (old,) = masters()
    before = list_file().read_bytes()
    assert rotate_master(LATER) == 2
    (new,) = masters()
    assert new != old
    assert readable(sealed)
    assert set(Evidence.objects.values_list("master", flat=True)) == {new}
    assert [name for _uid, name, _key in listed()] == [new, new]
    assert len(list_file().read_bytes()) == len(before)
    for uid, name, wrapped in listed():
        assert len(unwrap(wrapped, uid, masters()[name])) == 32
    assert old not in key_file().read_text()
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert MasterKey.objects.get(name=old).retired_at == LATER
    assert Entry.objects.get(kind="evidence_key_rotated").facts == {"wrapped": 2}
    queued(live, "3")  # what comes next is wrapped by the new one
    settle(LATER)
    assert set(Evidence.objects.values_list("master", flat=True)) == {new}


@pytest.mark.parametrize("at", ["first_write", "wrapping", "list", "last_write"])
def test_rotating_can_be_killed_at_any_moment(sealed: Evidence, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    class Killed(BaseException):
        pass

    def killed(*_args: object, **_more: object) -> None:
        raise Killed

    writes = 0

    def second_write(keys: dict[str, bytes]) -> None:
        nonlocal writes
        writes += 1
        if writes == 2:
            raise Killed
        write_masters(keys)

    with monkeypatch.context() as patched:
        if at == "first_write":
            patched.setattr(rotating, "write_masters", killed)
        elif at == "wrapping":
            patched.setattr(rotating, "record", killed)
        elif at == "list":
            patched.setattr(rotating, "relist_all", killed)
        else:
            patched.setattr(rotating, "write_masters", second_write)
        with pytest.raises(Killed):
            rotate_master(LATER)
    assert readable(sealed)
    rotate_master(LATER)
    assert readable(sealed)
    assert len(masters()) == 1
    assert [name for _uid, name, _key in listed()] == [*masters()]


# --- lost -------------------------------------------------------------------------------------------------------------


def test_without_the_key_file_nothing_is_read_nothing_is_made_and_a_sentence_says_so(
    sealed: Evidence, live: Source, as_supervisor: Actor
) -> None:
    kept = key_file().read_bytes()
    key_file().unlink()
    with pytest.raises(Refused, match=r"restore that file from your copy"):
        bag(as_supervisor, sealed.case_id or 0)
    case = queued(live, "2")
    settle(LATER)
    assert not Evidence.objects.filter(case=case).exists()
    waits = Preservation.objects.get(case=case)
    assert "restore that file" in waits.problem
    assert waits.due_at is not None
    assert not key_file().exists(), "no other key takes its place silently"
    with pytest.raises(Refused, match="missing"):
        rotate_master(LATER)
    key_file().write_bytes(kept)
    key_file().chmod(0o600)
    settle(waits.due_at)
    assert Evidence.objects.get(case=case).state == "provisional"
    assert readable(sealed)


def test_what_must_go_goes_without_the_key_file(waiting: Case, as_analyst: Actor, vault: Path) -> None:
    settle()
    key_file().unlink()
    actions.decide(as_analyst, waiting.pk, "not_in_scope", version_id=waiting.post.current_id or 0, now=SOON)
    settle()
    assert Evidence.objects.get().state == "erased"
    assert [name for _uid, name, _key in listed()] == [""]


def test_a_damaged_key_file_is_said_to_be_damaged(sealed: Evidence, as_supervisor: Actor) -> None:
    text = key_file().read_text()
    key_file().write_text(text[:-3] + ("0" if text[-3] != "0" else "1") + text[-2:])
    with pytest.raises(Refused, match="damaged in line 1"):
        bag(as_supervisor, sealed.case_id or 0)


def test_a_key_that_is_lost_for_good_is_given_up_and_the_case_is_sealed_anew(sealed: Evidence) -> None:
    digest = sealed.digest
    key_file().unlink()
    assert give_up_lost(LATER) == 1
    settle(LATER)
    settle(LATER)
    row = Evidence.objects.get()
    assert (row.state, row.captured_at) == ("sealed", LATER)
    assert row.digest != digest
    assert readable(row)
    assert MasterKey.objects.filter(lost=True).count() == 1
    assert len(masters()) == 1
    assert [entry.facts["manifest"] for entry in Entry.objects.filter(kind="evidence_sealed").order_by("id")] == [
        digest, row.digest,
    ]  # fmt: skip


# --- backups ----------------------------------------------------------------------------------------------------------


def test_a_restored_database_does_not_bring_back_what_was_destroyed(sealed: Evidence) -> None:
    values = Evidence.objects.filter(pk=sealed.pk).values().get()
    destroy(sealed, "not_in_scope", LATER)
    settle(LATER)
    Evidence.objects.filter(pk=sealed.pk).update(**{name: value for name, value in values.items() if name != "id"})
    assert again(LATER) == 1
    row = Evidence.objects.get()
    assert (row.state, bytes(row.key), row.erased_why) == ("erased", b"", "destroyed_before")


def test_a_list_that_was_restored_from_before_gets_the_newer_keys(sealed: Evidence, live: Source) -> None:
    older = list_file().read_bytes()
    queued(live, "2")
    settle(LATER)
    list_file().write_bytes(older)
    assert again(LATER) == 0
    assert {uid for uid, _name, _key in listed()} == {
        str(uid) for uid in Evidence.objects.values_list("uid", flat=True)
    }
    second = Evidence.objects.exclude(pk=sealed.pk).get()
    destroy(second, "not_in_scope", LATER)
    settle(LATER)
    assert {uid: name for uid, name, _key in listed()}[str(second.uid)] == ""


def test_destroying_finds_the_key_in_a_list_of_another_order(sealed: Evidence, live: Source) -> None:
    queued(live, "2")
    settle(LATER)
    octets = list_file().read_bytes()
    half = len(octets) // 2
    list_file().write_bytes(octets[half:] + octets[:half])
    destroy(sealed, "not_in_scope", LATER)
    settle(LATER)
    told = {uid: name for uid, name, _key in listed()}
    assert told.pop(str(sealed.uid)) == ""
    assert list(told.values()) == [*masters()]


# --- a list that is damaged -------------------------------------------------------------------------------------------


def test_a_line_that_was_cut_short_hides_no_other(sealed: Evidence, live: Source) -> None:
    before = list_file().read_bytes()
    with list_file().open("ab") as lines:  # the disk was full, or the power went
        lines.write(f"{uuid4()} 0123456789abcdef c2Vjcm".encode())
    second, third = (_kept(live, native_id) for native_id in ("2", "3"))
    assert list_file().read_bytes().startswith(before)
    assert b"c2Vjcm" not in list_file().read_bytes()
    (master,) = masters()
    assert {uid: name for uid, name, _key in listed()} == {str(one.uid): master for one in (sealed, second, third)}
    destroy(second, "not_in_scope", LATER)
    settle(LATER)
    assert {uid: name for uid, name, _key in listed()} == {
        str(sealed.uid): master, str(second.uid): "", str(third.uid): master,
    }  # fmt: skip


@pytest.mark.parametrize("kept", [40, 70, 100])
def test_a_key_that_was_half_destroyed_is_destroyed(sealed: Evidence, live: Source, kept: int) -> None:
    """The power went while a line was being overwritten: what is left of the key goes too, and it stays known as destroyed."""
    other = _kept(live, "2")
    octets = list_file().read_bytes()
    wrapped = octets[54:134]
    list_file().write_bytes(octets[:kept] + b"." * (134 - kept) + octets[134:])
    destroy(sealed, "not_in_scope", LATER)
    settle(LATER)
    assert wrapped[: kept - 54 if kept > 60 else 80] not in list_file().read_bytes()
    assert {uid: bool(name) for uid, name, _key in listed()} == {str(sealed.uid): False, str(other.uid): True}


def test_a_destroyed_key_that_stands_twice_is_destroyed_twice(sealed: Evidence) -> None:
    list_file().write_bytes(list_file().read_bytes() * 2)
    destroy(sealed, "not_in_scope", LATER)
    settle(LATER)
    assert [name for _uid, name, _key in listed()] == ["", ""]


def test_a_damaged_list_stops_no_work_at_the_start(sealed: Evidence, live: Source) -> None:
    octets = bytearray(list_file().read_bytes())
    octets[60:70] = b"!!!!\xff!!!!!"
    list_file().write_bytes(bytes(octets))
    sealing._begun.clear()
    other = _kept(live, "2")
    assert {uid: bool(name) for uid, name, _key in listed()} == {str(sealed.uid): True, str(other.uid): True}
    assert readable(sealed)


def _kept(source: Source, native_id: str) -> Evidence:
    case = queued(source, native_id)
    settle(LATER)
    return Evidence.objects.get(case=case)


def test_sealed_evidence_is_rescued_without_a_database(
    sealed: Evidence, live: Source, tmp_path: Path, django_assert_num_queries: Any
) -> None:
    queued(live, "2")  # provisional: nothing to take out
    settle(LATER)
    out = tmp_path / "out"
    out.mkdir()
    with django_assert_num_queries(0):
        assert rescue(out) == (1, [])
    (file,) = out.iterdir()
    found = bags.check(file.read_bytes(), digest=sealed.digest)
    assert found.problems == []
    assert found.number == sealed.number
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    file.unlink()
    file.symlink_to(elsewhere)  # whoever laid something there gets nothing
    n, (problem,) = rescue(out)
    assert (n, elsewhere.read_bytes()) == (0, b"mine")
    assert "is there already" in problem


def test_a_copy_of_files_without_the_list_opens_nothing(
    sealed: Evidence, vault: Path, tmp_path: Path, in_scope: Callable[..., Case]
) -> None:
    shutil.copytree(vault / "evidence", tmp_path / "copy")
    list_file().unlink()
    assert rescue(tmp_path) == (0, [])
