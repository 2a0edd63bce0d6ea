"""Cases to report, a recipient that is confirmed, and danger: `python -m tests.e2e.seed_report`, then `… send`."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import Any

CONTACTS = {
    "address": "〒000-0000\n架空県架空市一丁目1番\n架空県警察 通報受付",
    "email": "report@recipient.example",
    "form": "https://recipient.example/form",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    if sys.argv[1:2] == ["send"]:
        send_all()
    else:
        fill()


def arrived(source: Any, category: str, native_id: str, now: datetime, **row: Any) -> Any:
    """A case that a detector put under a category."""
    from yoake.casework.cases.intake import intake
    from yoake.casework.cases.models import Case
    from yoake.casework.sources.actions import release_lease, take_lease
    from yoake.collect.connector import Page
    from yoake.tables.findings import findings_batch
    from yoake.tables.posts import posts_batch

    source.refresh_from_db()
    release_lease(source, source.lease_token)
    posts = posts_batch([{"network": "bluesky", "native_id": native_id, "seen_at": now, "posted_at": now, **row}])
    told = posts.to_pylist()[0]
    finding = {
        "row": 0, "category": category, "class": "illegal", "score": 0.93, "grade": "high", "detector": "test",
        "version": "1", "uid": told["uid"], "content_hash": told["content_hash"],
    }  # fmt: skip
    taken = intake(source, take_lease(source), Page(posts=posts), findings_batch([finding]), now)
    return Case.objects.get(pk=taken.opened[0])


def fill() -> None:
    """Prints the numbers of a case to report, and of one in danger."""
    import pyrage
    from django.utils import timezone

    from yoake.casework.cases.actions import decide
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.registers.actions import confirm, fill_in
    from yoake.casework.sources.models import Source

    now, live = timezone.now(), Source.objects.get(name="Bluesky")
    tanaka, sato, kanri = (actor_of(User.objects.get(username=name)) for name in ("tanaka", "sato", "kanri"))
    key = str(pyrage.x25519.Identity.generate().to_public())
    for slug, ways in (
        ("police_osaka", {**CONTACTS, "public_key": key}),
        ("internet_hotline_center", {"form": CONTACTS["form"]}),
    ):
        for way, value in ways.items():
            contact = fill_in(sato, slug, way, value)
            confirm(kanri, contact.pk, "架空県警察の案内ページ", "2026-11-01")
    fill_in(sato, "police_osaka", "telephone", "03-3581-0141")
    fill_in(sato, "police_osaka", "public_key", str(pyrage.x25519.Identity.generate().to_public()))
    reported = arrived(
        live, "criminal_recruitment", "report/1", now - timedelta(minutes=30), author_id="r1", author_handle="boshu.example",
        author_name="募集担当", text="大阪で高額バイト。受け取るだけで日当10万円。詳しくはDMで", profile="札幌 / 高額案件あり",
        parent_text="那覇で仕事ありませんか", url="https://bsky.app/profile/boshu.example/post/3kaaaaaaaaaaa",
    )  # fmt: skip
    decide(
        tanaka, reported.pk, "in_scope", version_id=reported.post.current_id, category_slug="criminal_recruitment",
        reason="「受け取るだけで日当10万円」との記載があり、仕事の内容を示さずに高い報酬を示しているものと認められる。",
    )  # fmt: skip
    urgent = arrived(
        live, "serious_crime", "report/2", now - timedelta(minutes=75), author_id="r2", author_handle="danger.example",
        author_name="架空の人", text="新宿で今夜。詳しくは話せない", url="https://bsky.app/profile/danger.example/post/3kbbbbbbbbbbb",
    )  # fmt: skip
    print(reported.pk, urgent.pk)


def send_all() -> None:
    """The worker's duty until nothing is due."""
    from django.utils import timezone

    from yoake.pipeline.duties.send import send

    while send(timezone.now()):
        pass


if __name__ == "__main__":
    main()
