"""A connector whose service restricts such use stays off until an administrator recorded the permission."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.board import board
from yoake.casework.audit.models import Entry
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources.actions import (
    NotPermitted,
    add_source,
    lacks_permission,
    must_be_permitted,
    record_permission,
    resume_source,
    switch_source,
    withdraw_permission,
)
from yoake.casework.sources.models import Permission, Source
from yoake.casework.sources.queries import permission_of
from yoake.errors import BadInput, Refused

__all__ = ["board"]  # a fixture

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate(timezone=TOKYO)
GIVEN = {"permitted_by": "架空社 渉外課", "terms": "検索APIのみ。保存は30日まで。", "reference": "契約 7-12"}


@pytest.fixture
def source(police: Organisation, board: str) -> Source:
    return add_source(system("command"), police, board, options={"path": "x"})


def permit(actor: Actor, connector: str) -> Permission:
    return record_permission(actor, connector, permitted_on=TODAY, **GIVEN)


def test_a_restricted_source_is_added_switched_off(source: Source, police: Organisation) -> None:
    assert not source.enabled
    assert add_source(system("command"), police, "rss", options={"url": "https://board.example/feed"}).enabled


def test_nobody_switches_it_on_before_the_permission(source: Source, as_administrator: Actor) -> None:
    with pytest.raises(NotPermitted, match="restricts automated searches"):
        switch_source(as_administrator, source, on=True)
    with pytest.raises(NotPermitted):
        resume_source(as_administrator, source)
    permit(as_administrator, source.connector)
    must_be_permitted(source)
    source.refresh_from_db()
    assert not source.enabled, "recording alone starts nothing"
    switch_source(as_administrator, source, on=True)
    source.refresh_from_db()
    assert source.enabled


def test_the_audit_holds_ids_and_kinds_only(source: Source, as_administrator: Actor) -> None:
    permission = permit(as_administrator, source.connector)
    entry = Entry.objects.get(kind="permission_recorded")
    assert (entry.subject, entry.facts) == (f"permission:{permission.pk}", {"connector": "test_board"})
    assert entry.actor == as_administrator.name
    assert not any(words in str(entry.facts) for words in GIVEN.values())


def test_only_administrators_record(source: Source, as_analyst: Actor, as_supervisor: Actor) -> None:
    for actor in (as_analyst, as_supervisor, system("command", source.organisation_id)):
        with pytest.raises(Refused):
            permit(actor, source.connector)
    assert not Permission.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"permitted_by": "  "}, "permitted_by"),
        ({"terms": ""}, "terms"),
        ({"terms": "あ" * 4001}, "terms"),
        ({"reference": "x" * 201}, "reference"),
        ({"permitted_on": None}, "permitted_on"),
        ({"permitted_on": TODAY + timedelta(days=1)}, "permitted_on"),
    ],
)
def test_what_a_permission_must_say(
    source: Source, as_administrator: Actor, change: dict[str, object], field: str
) -> None:
    told: dict[str, object] = {"permitted_on": TODAY, **GIVEN, **change}
    with pytest.raises(BadInput) as problem:
        record_permission(as_administrator, source.connector, **told)  # type: ignore[arg-type]
    assert problem.value.field == field
    assert lacks_permission(source.organisation_id, source.connector)


def test_a_connector_without_restriction_takes_no_permission(as_administrator: Actor) -> None:
    with pytest.raises(BadInput, match="no permission is needed"):
        permit(as_administrator, "rss")


def test_it_holds_for_one_organisation(source: Source, as_administrator: Actor, hotline: Organisation) -> None:
    permit(as_administrator, source.connector)
    theirs = add_source(system("command"), hotline, source.connector, name="theirs", options={"path": "x"})
    assert not theirs.enabled
    with pytest.raises(NotPermitted):
        must_be_permitted(theirs)


def test_a_new_record_replaces_the_old_one_which_stays(source: Source, as_administrator: Actor) -> None:
    first = permit(as_administrator, source.connector)
    second = permit(as_administrator, source.connector)
    assert permission_of(source.organisation_id, source.connector) == second
    first.refresh_from_db()
    assert first.withdrawn_at is not None
    assert first.terms == GIVEN["terms"]


def test_withdrawing_switches_off(source: Source, as_administrator: Actor) -> None:
    permit(as_administrator, source.connector)
    switch_source(as_administrator, source, on=True)
    withdraw_permission(as_administrator, source.connector)
    source.refresh_from_db()
    assert not source.enabled
    with pytest.raises(NotPermitted):
        must_be_permitted(source)
    assert Entry.objects.filter(kind="permission_withdrawn").count() == 1
    withdraw_permission(as_administrator, source.connector)
    assert Entry.objects.filter(kind="permission_withdrawn").count() == 1, "nothing to withdraw: nothing is noted"
