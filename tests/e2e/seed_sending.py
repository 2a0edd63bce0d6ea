"""Senders, one of them frozen, and things that only a person can decide: `python -m tests.e2e.seed_sending`."""

from __future__ import annotations

import os
from datetime import timedelta


def main() -> None:
    """Prints nothing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from tests.e2e.seed_report import arrived
    from yoake.casework.cases.actions import decide
    from yoake.casework.outbox import moves
    from yoake.casework.outbox.actions import approve, draft
    from yoake.casework.outbox.models import OutboxItem, Sender
    from yoake.casework.outbox.senders import add_sender
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.sources.models import Source

    now, live = timezone.now(), Source.objects.get(name="Bluesky")
    admin, staff = actor_of(User.objects.get(username="kanri")), actor_of(User.objects.get(username="tanaka"))
    given = {"server": "https://social.example", "token": "invented"}
    quiet = add_sender(admin, "mastodon", "架空県警察 広報", given)
    loud = add_sender(admin, "bluesky", "架空県警察 サイバー", {"handle": "keisatsu.example", "password": "invented"})
    Sender.objects.update(state="active", paused_why="", handle="keisatsu@social.example", tested_at=now)
    moves.pause(
        Sender.objects.get(pk=loud.pk), "frozen", "social.example does not let this sender speak: suspended", now
    )
    for n, (way, sender) in enumerate((("hand", None), ("reply", quiet))):
        case = arrived(live, "criminal_recruitment", f"sending-{n}", now, author_id=f"did:plc:sending{n}", text=f"受け子募集 即日即金 その{n}")  # fmt: skip
        decide(staff, case.pk, "in_scope", version_id=case.post.current_id, category_slug="criminal_recruitment")
        item = draft(
            staff, case.pk, "warning", channel="mastodon" if sender else "by_hand", way=way,
            to={"url": "https://social.example/@aite/1", "handle": "aite"},
            body={"text": "この投稿は犯罪の実行者を募集している可能性があります。相談は#9110へ。"},
            sender_id=sender.pk if sender else None,
        )  # fmt: skip
        approve(staff, item.pk, item.bound)
        OutboxItem.objects.filter(pk=item.pk).update(
            state="sending", tried_at=now, counted_at=now, due_at=now + timedelta(days=1)
        )
    moves.failed(OutboxItem.objects.get(sender=quiet), "social.example answered with status 502; try again later.", now, uncertain=True)  # fmt: skip


if __name__ == "__main__":
    main()
