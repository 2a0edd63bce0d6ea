"""The worker deals copies while people work: it waits for their posts with nothing in its hands that they need."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry, Head
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case, Post
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.quality import gold
from yoake.casework.quality.models import GoldTurn, Round
from yoake.casework.sources.models import Source
from yoake.pipeline.duties.look_back import look_back

pytestmark = pytest.mark.django_db(transaction=True)


def judged(actor: Actor, source: Source, name: str, verdict: str) -> int:
    (pk,) = arrive(source, [post(name, f"受け子 募集 {name}")], [finding()], timezone.now()).opened
    version = Case.objects.select_related("post").get(pk=pk).post.current_id or 0
    slug = "criminal_recruitment" if verdict == "in_scope" else ""
    decide(actor, pk, verdict, version_id=version, category_slug=slug, now=timezone.now())
    return pk


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def test_a_round_that_waits_for_a_post_does_not_hold_the_audit(
    police: Organisation, live: Source, as_supervisor: Actor, as_analyst: Actor
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: nothing there waits for a row")
    marked = [gold.mark_gold(as_supervisor, judged(as_supervisor, live, name, "in_scope"), "why") for name in "ab"]
    decisions = [Case.objects.get(pk=judged(as_analyst, live, name, "not_in_scope")).decisions.get() for name in "cd"]
    given = min(marked, key=lambda one: gold._keyed(f"choice\0{decisions[0].pk}\0{one.pk}"))
    (held,) = [one for one in marked if one != given]
    Round.objects.create(organisation=police, name="gold", due_at=timezone.now())

    def round_of_the_worker() -> None:
        try:
            look_back(timezone.now())
        finally:
            connection.close()

    worker = threading.Thread(target=round_of_the_worker)
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, gold_share=1.0)):
        with transaction.atomic():  # somebody keeps the second post open ...
            Post.objects.select_for_update().get(pk=held.post_id)
            worker.start()
            until = time.monotonic() + 30
            while not waits_for_a_lock() and time.monotonic() < until:
                time.sleep(0.01)
            assert Entry.objects.filter(kind="gold_given").count() == 1, "the first copy is there and written down"
            assert Head.objects.select_for_update(nowait=True).get(), "... and can write their line"
        worker.join()
    assert User.objects.filter(pk__in=GoldTurn.objects.values("user")).get() == decisions[0].by
    assert GoldTurn.objects.count() == 2
    assert Round.objects.get(name="gold").problem == ""
