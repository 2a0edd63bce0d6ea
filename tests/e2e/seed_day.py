"""Lets a morning's work arrive, the examples of the categories: `python -m tests.e2e.seed_day`, after `tests.e2e.seed`.

All invented. Prints how many cases wait on the live desk.
"""

from __future__ import annotations

import os
from datetime import timedelta


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from tests.e2e.seed import take
    from yoake.casework.cases.categories import categories
    from yoake.casework.cases.models import Case
    from yoake.casework.sources.models import Source

    now = timezone.now()
    examples = [
        example
        for known in categories().values()
        if not known.at_risk and not known.record_only
        for example in known.examples
        if example.label != "none"
    ]
    posts = [
        {
            "network": "bluesky", "native_id": f"day/{i}", "text": example.text, "profile": example.profile,
            "parent_text": example.parent_text, "seen_at": now, "author_id": f"day-{i}",
            "author_handle": f"asa{i:03d}.example", "author_name": f"朝の投稿{i + 1}",
            "posted_at": now - timedelta(minutes=len(examples) - i),
        }
        for i, example in enumerate(examples)
    ]  # fmt: skip
    live = Source.objects.get(name="Bluesky")
    take(live, posts)
    hours = {"seen_until": now + timedelta(hours=1), "last_page_at": now + timedelta(hours=1)}
    Source.objects.filter(pk=live.pk).update(lease_holder="", lease_expires_at=now + timedelta(days=1), **hours)
    print(Case.objects.filter(practice=False, state=Case.State.WAITING, folded_into=None, at_risk=False).count())


if __name__ == "__main__":
    main()
