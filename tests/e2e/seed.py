"""Fills the database of a server under test: `python -m tests.e2e.seed`, and later `python -m tests.e2e.seed arrive TEXT`.

Everything is invented: the posts are those of the practice stream, judged by the shipped detector. A process of its own,
because the browser's driver and Django's database do not share a thread.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import Any

PASSWORD = "a long pass phrase 17"
SHOWN = 200  # posts of the practice stream; enough for every kind of row


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    if sys.argv[1:2] == ["arrive"]:
        arrive(sys.argv[2])
    else:
        fill()


def rows(network: str, now: datetime, minutes_apart: float) -> list[dict[str, Any]]:
    """Posts of the practice stream as if they had just come from a network."""
    from yoake.collect import practice

    told = []
    for i, row in enumerate(practice.stream()[:SHOWN]):
        at = now - timedelta(minutes=minutes_apart * (SHOWN - i))
        same = {
            key: row[key]
            for key in ("author_id", "author_handle", "author_name", "profile", "text", "parent_text", "lang")
        }
        web = f"https://social.example/{row['author_handle']}/{row['id']}"
        ident = f"2026-11-20/{row['id']}" if network == "practice" else web
        url = "" if network == "practice" else web
        told.append({**same, "network": network, "native_id": ident, "url": url, "posted_at": at, "seen_at": at})
    return told


def take(source: Any, posts: list[dict[str, Any]]) -> list[int]:
    """Judges posts and takes them in, a page of ten at a time; returns the ids of the cases."""
    from yoake.casework.cases.actions import serving_detector
    from yoake.casework.cases.intake import intake
    from yoake.casework.sources.actions import release_lease, take_lease
    from yoake.collect.connector import Page
    from yoake.tables.posts import posts_batch

    opened: list[int] = []
    source.refresh_from_db()
    release_lease(source, source.lease_token)
    token = take_lease(source)
    for first in range(0, len(posts), 10):
        batch = posts_batch(posts[first : first + 10])
        seen = posts[min(first + 9, len(posts) - 1)]["seen_at"]
        page = Page(posts=batch, cursor=str(first), seen_until=seen)
        opened += intake(source, token, page, serving_detector().judge(batch), seen).opened
    return opened


def fill() -> None:
    from django.core.management import call_command
    from django.utils import timezone

    from yoake.casework.cases import actions, leases
    from yoake.casework.cases.models import Case
    from yoake.casework.people.actions import add_user, found_organisation
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import actor_of, system
    from yoake.casework.sources.actions import count, note_skipped
    from yoake.casework.sources.models import Source
    from yoake.collect import practice as practice_stream
    from yoake.collect.connector import Skip

    call_command("migrate", verbosity=0)
    command, now = system("command"), timezone.now()
    police = found_organisation(command, "架空県警察", Organisation.Kind.POLICE)
    people: dict[str, User] = {}
    for name, called, role in (
        ("tanaka", "田中", "analyst"),
        ("sato", "佐藤", "supervisor"),
        ("kanri", "管理", "administrator"),
    ):
        user, _ = add_user(command, name, police, role, password=PASSWORD)
        # they sign in again and again: for a year nobody is asked for a second factor (tests/e2e/test_people.py is about that)
        User.objects.filter(pk=user.pk).update(last_name=called, second_factor_from=now + timedelta(days=365))
        people[name] = user
    alive = {"lease_holder": "", "lease_expires_at": now + timedelta(days=1), "last_page_at": now + timedelta(hours=1)}
    live = Source.objects.create(organisation=police, name="Bluesky", connector="bluesky_jetstream")
    practice = Source.objects.create(organisation=police, name="練習", connector="practice", practice=True)
    answers = {row["id"]: row["answer"] for row in practice_stream.stream()}
    tanaka, sato = actor_of(people["tanaka"]), actor_of(people["sato"])
    for opened in (take(practice, rows("practice", now, 1)), take(live, rows("bluesky", now, 1))):
        found = Case.objects.filter(pk__in=opened, at_risk=False).exclude(grade__in=["", "low"])
        waiting = list(found.order_by("-rank").select_related("post"))
        for case in waiting[-3:]:  # decided as the model answer says
            answer = answers[case.post.native_id[-4:]]
            assert case.post.current_id
            actions.decide(
                tanaka, case.pk, answer["verdict"], version_id=case.post.current_id, category_slug=answer["category"]
            )
        leases.take_lease(sato, waiting[2].pk)
        waiting[4].post.gone_state, waiting[4].post.gone_at = "deleted_by_author", now
        waiting[4].post.save()
    Source.objects.filter(pk=live.pk).update(seen_until=now + timedelta(hours=1), **alive)
    Source.objects.filter(pk=practice.pk).update(**alive)
    count(live, now, {"posts": 41_233, "skipped:too_long": 2, "skipped:unknown_record": 1})
    skipped = [Skip("too_long", "cursor 1725911162329308"), Skip("unknown_record", "cursor 1725911162340001")]
    note_skipped(live, now, skipped)


def arrive(text: str) -> None:
    from django.utils import timezone

    from yoake.casework.sources.models import Source

    now = timezone.now()
    live = Source.objects.get(name="Bluesky")
    row = {"network": "bluesky", "native_id": f"new/{now.timestamp()}", "text": text, "seen_at": now, "posted_at": now}
    opened = take(live, [row])
    hours = {
        "seen_until": now + timedelta(hours=1),
        "last_page_at": now + timedelta(hours=1),
        "lease_expires_at": now + timedelta(days=1),
    }
    Source.objects.filter(pk=live.pk).update(lease_holder="", **hours)
    print(opened[0])


if __name__ == "__main__":
    main()
