"""Several workers at one case: one evidence, one seal, nothing half written; a transaction that fails leaves what was there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from tests.evidence_world import LATER, SOON
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases import actions as actions_of_cases
from yoake.casework.cases.models import Case
from yoake.casework.evidence import actions, keys
from yoake.casework.evidence.actions import Fetched, follow, keep_fetched
from yoake.casework.evidence.boxes import file_of, sweep, unpacked
from yoake.casework.evidence.checking import problems
from yoake.casework.evidence.keys import decrypt, key_of, listed, masters, new_master
from yoake.casework.evidence.models import Evidence, MasterKey
from yoake.casework.people.queries import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vault")]


def at_once(*acts: Callable[[], object]) -> list[BaseException]:
    """Does all of it in threads of their own, starting together; what went wrong."""
    ready, wrong = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[], object]) -> None:
        try:
            ready.wait()
            act()
        except BaseException as problem:
            wrong.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_workers_that_meet_capture_once_and_seal_once(
    many_waiting: Callable[[int], list[Case]], in_scope: Callable[..., Case]
) -> None:
    cases = many_waiting(4)
    assert at_once(*[lambda pk=case.pk: follow(pk, SOON) for case in cases for _ in range(3)]) == []
    assert Evidence.objects.count() == 4
    assert MasterKey.objects.count() == 1
    assert len({uid for uid, _name, _key in listed()}) == 4
    for case in cases:
        in_scope(case)
    assert at_once(*[lambda pk=case.pk: follow(pk, LATER) for case in cases for _ in range(3)]) == []
    assert Entry.objects.filter(kind="evidence_captured").count() == 4
    assert Entry.objects.filter(kind="evidence_sealed").count() == 4
    assert [problem for _row, problem in problems()] == ["", "", "", ""]
    assert first_break() is None


def test_two_workers_that_need_the_first_master_key_make_one(
    many_waiting: Callable[[int], list[Case]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would write its own over the other's, and what that wrapped could never be read."""
    first, second = many_waiting(2)
    slow = threading.Event()

    def made() -> tuple[str, bytes]:
        slow.wait(0.3)  # the other one looks into the file meanwhile
        return new_master()

    monkeypatch.setattr(keys, "new_master", made)
    assert at_once(lambda: follow(first.pk, SOON), lambda: follow(second.pk, SOON)) == []
    assert len(masters()) == MasterKey.objects.count() == 1
    assert [problem for _row, problem in problems()] == ["", ""]


def test_what_a_capture_wrote_that_was_rolled_back_goes_with_its_case(
    waiting: Case, as_analyst: Actor, monkeypatch: pytest.MonkeyPatch, vault: Path
) -> None:
    def gone(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(actions, "record", gone)
        with pytest.raises(OSError, match="No space"):
            follow(waiting.pk, SOON)
    (left,) = (vault / "evidence").glob("??/*.*")
    row = Evidence.objects.get()
    assert "versions/1.json" in unpacked(decrypt(left.read_bytes(), key_of(row), left.name))
    actions_of_cases.decide(as_analyst, waiting.pk, "not_in_scope", version_id=waiting.post.current_id or 0, now=SOON)
    follow(waiting.pk, SOON)
    assert Evidence.objects.get().state == "erased"
    assert list((vault / "evidence").glob("??/*.*")) == []
    assert [name for _uid, name, _key in listed()] == [""]


def test_what_is_fetched_while_it_is_sealed_is_inside_or_left_out_but_never_breaks_the_seal(
    waiting: Case, in_scope: Callable[..., Case]
) -> None:
    follow(waiting.pk, SOON)
    in_scope(waiting)
    row = Evidence.objects.get()
    fetched = Fetched({"raw/1.body": b"x", "raw/1.json": b"{}"}, {"raw": "kept"})
    assert (
        at_once(lambda: follow(waiting.pk, LATER), lambda: keep_fetched(row.pk, row.versions[-1], fetched, LATER)) == []
    )
    follow(waiting.pk, LATER)
    row.refresh_from_db()
    assert row.state == "sealed"
    assert [problem for _row, problem in problems()] == [""]
    assert row.files in (2, 4)


def test_a_seal_that_fails_at_its_last_step_leaves_the_capture_whole(
    waiting: Case, in_scope: Callable[..., Case], monkeypatch: pytest.MonkeyPatch, vault: Path
) -> None:
    follow(waiting.pk, SOON)
    in_scope(waiting)
    before = Evidence.objects.get()

    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(actions, "record", full)
        with pytest.raises(OSError, match="No space"):
            follow(waiting.pk, LATER)
    after = Evidence.objects.get()
    assert (after.state, after.box) == ("provisional", before.box)
    assert file_of(after).exists()
    assert [problem for _row, problem in problems()] == [""]
    follow(waiting.pk, LATER)
    assert Evidence.objects.get().state == "sealed"
    assert sweep(LATER) == 0
    assert len(list((vault / "evidence").glob("??/*.*"))) == 1
