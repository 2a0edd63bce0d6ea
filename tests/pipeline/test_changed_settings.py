"""Settings that people change while a source is read: the patrol goes on with the new ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from tests.pipeline.soak import SUSPICIOUS
from tests.pipeline.test_line import bluesky, event, until
from tests.servers.jetstream import Jetstream
from tests.servers.site import Site, page, site_server
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case, Post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources.actions import LeaseLost, add_source, change_source, take_again, take_lease
from yoake.casework.sources.models import Source
from yoake.pipeline import line
from yoake.pipeline.line import Progress, patrol
from yoake.pipeline.patrol import Patrols

pytestmark = pytest.mark.django_db(transaction=True)


def once(when: Callable[[Progress], bool], act: Callable[[], object]) -> Callable[[Progress], None]:
    """Acts at the first page of which something holds."""
    left = [act]

    def tell(progress: Progress) -> None:
        if left and when(progress):
            left.pop()()

    return tell


def test_a_running_patrol_goes_on_with_the_new_server_at_its_cursor(
    police: Organisation, as_administrator: Actor
) -> None:
    with Jetstream() as one, Jetstream() as two:
        source = bluesky(police, one)
        Source.objects.filter(pk=source.pk).update(cursor="1")
        one.push(event(1))
        two.push(event(2))
        change = once(
            lambda progress: progress.opened == 1,
            lambda: change_source(as_administrator, source, {"endpoints": [two.url]}),
        )
        stop, end = until(lambda progress: progress.opened >= 2)

        def tell(progress: Progress) -> None:
            change(progress)
            end(progress)

        progress = patrol(source, stop, tell=tell)
        assert two.subscriptions, "the new server was asked"
    assert (Case.objects.count(), progress.problem) == (2, "")
    source.refresh_from_db()
    assert source.cursor not in (None, "1")
    assert (source.state, source.lease_token) == (Source.State.STOPPED, ""), "the lease was given back"


def test_a_waiting_patrol_tries_the_new_settings_at_its_next_look(
    police: Organisation, as_administrator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LOOKED_EVERY_S", 0.1)
    monkeypatch.setattr(line, "FIRST_PAUSE_S", 120.0)
    away = Jetstream()  # never started
    with Jetstream() as server:
        source = bluesky(police, away)
        Source.objects.filter(pk=source.pk).update(cursor="1")
        server.push(event(1))
        change = once(
            lambda progress: bool(progress.problem),
            lambda: change_source(as_administrator, source, {"endpoints": [server.url]}),
        )
        stop, end = until(lambda progress: progress.opened >= 1, timeout_s=30)

        def tell(progress: Progress) -> None:
            change(progress)
            end(progress)

        began = time.monotonic()
        patrol(source, stop, tell=tell)
        assert time.monotonic() - began < 30, "not after the pause it had begun"
    assert Case.objects.count() == 1


FEED = '<rss version="2.0"><channel><title>{0}</title><item><guid>{0}</guid><title>{1}</title></item></channel></rss>'


def test_another_address_begins_anew_where_the_cursor_belongs_to_it(
    police: Organisation, as_administrator: Actor
) -> None:
    with site_server() as site:
        urls = [
            site.put(f"/{name}.xml", FEED.format(name, SUSPICIOUS.format(n)), "application/rss+xml")
            for n, name in enumerate(("old", "new"))
        ]
        source = add_source(system("command"), police, "rss", name="feed", options={"url": urls[0]})
        done = []
        change = once(
            lambda progress: progress.opened == 1,
            lambda: done.append(change_source(as_administrator, source, {"url": urls[1]})),
        )
        stop, end = until(lambda progress: progress.opened >= 2)

        def tell(progress: Progress) -> None:
            change(progress)
            end(progress)

        patrol(source, stop, tell=tell)
        assert [path for path in site.pages_asked() if path == "/new.xml"]
    assert [(one.settings, one.begins_anew) for one in done] == [(("url",), True)]
    assert Case.objects.count() == 2
    entry = Entry.objects.get(kind="source_changed")
    assert (entry.facts, entry.actor) == ({"settings": "url", "anew": True}, as_administrator.name)


def test_a_page_that_was_read_to_its_end_is_read_again_at_its_new_address(
    police: Organisation, as_administrator: Actor
) -> None:
    with site_server(Site()) as site:
        urls = [site.put(f"/{n}", page("x", SUSPICIOUS.format(n))) for n in range(2)]
        source = add_source(system("command"), police, "web_page", name="page", options={"url": urls[0]})
        stop = threading.Event()
        patrols = Patrols(stop)

        def run() -> None:
            patrols.run()
            connection.close()

        running = threading.Thread(target=run)
        running.start()
        try:
            wait(lambda: source.pk in patrols.progress and patrols.progress[source.pk].ended)
            assert Post.objects.count() == 1
            change_source(as_administrator, source, {"url": urls[1]})
            wait(lambda: Post.objects.count() == 2)
        finally:
            stop.set()
            running.join()


def test_a_lease_that_another_took_is_not_taken_back(police: Organisation) -> None:
    source = add_source(system("command"), police, "jsonl", options={"path": "-"})
    token = take_lease(source)
    assert take_again(source, token) is None, "it was not lost"
    Source.objects.filter(pk=source.pk).update(lease_token="theirs", lease_holder="elsewhere 1 2")
    assert take_again(source, token) is None
    with pytest.raises(LeaseLost):
        line._again(source, token)
    assert Source.objects.get(pk=source.pk).lease_token == "theirs"


def wait(true: Callable[[], bool], timeout_s: float = 30) -> None:
    until_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until_s
        time.sleep(0.05)
