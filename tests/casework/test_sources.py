"""Options, leases and background of sources."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.world import NOON
from yoake.casework.audit.models import Entry
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources import actions
from yoake.casework.sources.actions import (
    add_ngram_counts,
    add_source,
    change_source,
    keep_lease,
    release_lease,
    say_state,
    take_lease,
)
from yoake.casework.sources.models import NgramCount, Source
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db


def test_options_are_checked_when_a_source_is_added(police: Organisation) -> None:
    setup = system("command")
    source = add_source(setup, police, "jsonl", options={"path": "/tmp/posts.jsonl", "page_posts": "50"})
    assert source.options["page_posts"] == 50
    with pytest.raises(BadInput, match="known options"):
        add_source(setup, police, "jsonl", name="two", options={"file": "x"})
    with pytest.raises(BadInput, match="known names"):
        add_source(setup, police, "no_such_network")
    with pytest.raises(BadInput, match="already"):
        add_source(setup, police, "jsonl", options={"path": "-"})


def test_what_a_job_board_brings_is_marked(police: Organisation) -> None:
    setup = system("command")
    assert add_source(setup, police, "job_posting", options={"url": "https://jobs.example/"}).job_board
    assert not add_source(setup, police, "rss", options={"url": "https://board.example/feed"}).job_board


def test_only_administrators_add_sources(as_analyst: Actor, police: Organisation) -> None:
    with pytest.raises(Refused):
        add_source(as_analyst, police, "practice")


def test_settings_are_changed_as_they_were_added(as_administrator: Actor, police: Organisation) -> None:
    source = add_source(as_administrator, police, "rss", name="feed", options={"url": "https://a.example/feed"})
    Source.objects.filter(pk=source.pk).update(cursor="here")
    with pytest.raises(BadInput, match="known options"):
        change_source(as_administrator, source, {"address": "x"})
    with pytest.raises(BadInput, match="kind float"):
        change_source(as_administrator, source, {"url": "https://a.example/feed", "every_s": "soon"})
    assert not Entry.objects.filter(kind="source_changed").exists()
    told = {"url": "https://a.example/feed", "every_s": "900", "proxy": ""}
    done = change_source(as_administrator, source, told)
    assert (done.settings, done.begins_anew) == (("every_s",), False)
    source.refresh_from_db()
    assert (source.options["every_s"], source.cursor) == (900.0, "here")
    assert change_source(as_administrator, source, told).settings == (), "the same again changes nothing"
    entry = Entry.objects.get(kind="source_changed")
    assert (entry.subject, entry.facts) == (f"source:{source.pk}", {"settings": "every_s", "anew": False})
    assert change_source(as_administrator, source, {**told, "url": "https://b.example/feed"}).begins_anew
    source.refresh_from_db()
    assert source.cursor is None


def test_a_paused_source_goes_on_with_new_settings(as_administrator: Actor, police: Organisation) -> None:
    source = add_source(as_administrator, police, "rss", options={"url": "https://a.example/feed"})
    say_state(source, Source.State.PAUSED, "check the address")
    change_source(as_administrator, source, {"url": "https://b.example/feed"})
    source.refresh_from_db()
    assert (source.state, source.problem) == (Source.State.STOPPED, "")


def test_only_administrators_of_its_organisation_change_a_source(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, as_administrator: Actor, police: Organisation
) -> None:
    source = add_source(as_administrator, police, "rss", options={"url": "https://a.example/feed"})
    for actor in (as_analyst, as_supervisor, as_outsider):
        with pytest.raises(Refused):
            change_source(actor, source, {"url": "https://b.example/feed"})
    elsewhere = replace(as_administrator, organisation_id=as_outsider.organisation_id)
    with pytest.raises(BadInput, match="no such source"):
        change_source(elsewhere, source, {"url": "https://b.example/feed"})
    source.refresh_from_db()
    assert source.options == {"url": "https://a.example/feed"}


def test_a_second_patrol_is_refused_while_the_first_lives(live: Source) -> None:
    take_lease(live, NOON)
    with pytest.raises(Refused, match="already being patrolled"):
        take_lease(live, NOON + timedelta(seconds=29))


def test_a_lease_ends_by_itself_or_with_its_holder(live: Source) -> None:
    token = take_lease(live, NOON)
    take_lease(live, NOON + timedelta(seconds=31))
    with pytest.raises(actions.LeaseLost):
        keep_lease(live, token, NOON)
    host, _pid, started = actions._me().rsplit(" ", 2)
    Source.objects.filter(pk=live.pk).update(lease_holder=f"{host} 999999999 {started}")
    take_lease(live, NOON + timedelta(seconds=32))


def test_the_lease_of_another_machine_is_respected(live: Source) -> None:
    take_lease(live, NOON)
    Source.objects.filter(pk=live.pk).update(lease_holder="elsewhere 1 0")
    with pytest.raises(Refused, match="elsewhere"):
        take_lease(live, NOON)


def test_giving_back_is_only_for_the_holder(live: Source) -> None:
    token = take_lease(live, NOON)
    Source.objects.filter(pk=live.pk).update(lease_holder="elsewhere 1 0")
    release_lease(live, "somebody else's")
    with pytest.raises(Refused):
        take_lease(live, NOON)
    release_lease(live, token)
    take_lease(live, NOON)


def test_a_patrol_that_ends_while_its_settings_change_leaves_no_lease(live: Source, as_administrator: Actor) -> None:
    token = take_lease(live, NOON)
    assert change_source(as_administrator, live, {**live.options, "page_posts": 7}).settings
    release_lease(live, token)
    live.refresh_from_db()
    assert not live.lease_token


def test_background_counts_add_up(live: Source) -> None:
    counts = np.zeros(65536, np.uint32)
    counts[7] = 3
    add_ngram_counts(live, NOON.date(), counts)
    add_ngram_counts(live, NOON.date(), counts)
    kept = np.frombuffer(bytes(NgramCount.objects.get().buckets), "<u4")
    assert (kept[7], kept.sum()) == (6, 6)
