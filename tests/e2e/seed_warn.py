"""Warnings in every state, and a trial of two letters: `python -m tests.e2e.seed_warn`, after `tests.e2e.seed`.

All invented. Prints what a browser test needs: a case that can be warned, items that wait, one that is to be carried out.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta


def main() -> None:
    """Prints a JSON object of ids."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from tests.e2e.seed_report import arrived
    from tests.warn_world import LETTER, letter_in_force, warned, with_head
    from yoake.casework.cases.actions import decide
    from yoake.casework.cases.models import Case
    from yoake.casework.outbox import moves
    from yoake.casework.outbox.models import OutboxItem, Sender
    from yoake.casework.outbox.senders import add_sender
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.sources.models import Source
    from yoake.casework.warn.actions import draft_warning
    from yoake.casework.warn.models import WarningMessage
    from yoake.casework.warn.trials import start_trial

    now, live = timezone.now(), Source.objects.get(name="Bluesky")
    admin, sato, tanaka = (actor_of(User.objects.get(username=name)) for name in ("kanri", "sato", "tanaka"))
    with_head(sato)
    sender = add_sender(admin, "bluesky", "架空県警察 生活安全", {"handle": "anzen.example", "password": "invented"})
    Sender.objects.filter(pk=sender.pk).update(state="active", paused_why="", handle="anzen.example", tested_at=now)
    own = letter_in_force(sato, admin, LETTER)
    start_trial(sato, "drug_ad", "ja", 0, own.pk)

    def case(n: int) -> Case:
        text = f"野菜あります 手押し 郵送可 詳しくはDMで その{n}"
        made = arrived(live, "drug_ad", f"warn-{n}", now, author_id=f"did:plc:warn{n}", text=text)
        decide(tanaka, made.pk, "in_scope", version_id=made.post.current_id or 0, category_slug="drug_ad")
        Case.objects.filter(pk=made.pk).update(state="decided")
        return Case.objects.get(pk=made.pk)

    drafts = [draft_warning(tanaka, case(n).pk, "bluesky", sender_id=sender.pk).item_id for n in range(3)]
    carry = warned(tanaka, case(4), None).item_id
    OutboxItem.objects.filter(pk=carry).update(
        state="sending", tried_at=now, counted_at=now, due_at=now + timedelta(days=1)
    )
    sent, stopped, failed = (warned(tanaka, case(n), Sender.objects.get(pk=sender.pk)).item for n in (5, 6, 7))
    OutboxItem.objects.filter(pk=sent.pk).update(
        state="sent", sent_at=now, due_at=None, remote_id="at://did:plc:x/app.bsky.feed.post/1",
        remote_url="https://bsky.app/profile/anzen.example/post/1",
    )  # fmt: skip
    moves.stop(stopped, "answered", now)
    moves.failed(failed, "social.example refuses this (InvalidRequest)", now)
    print(
        json.dumps(
            {"case": case(8).pk, "drafts": drafts, "carry": carry, "sent": sent.pk, "stopped": stopped.pk}
            | {"warnings": WarningMessage.objects.count()}
        )
    )


if __name__ == "__main__":
    main()
