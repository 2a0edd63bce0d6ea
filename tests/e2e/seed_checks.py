"""Fills the pages about checks and surroundings of a server under test: `python -m tests.e2e.seed_checks`, after `tests.e2e.seed`.

All invented. Prints the ids of the case that is followed and of the one where somebody may be in danger.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from yoake.casework.cases import actions, surroundings
    from yoake.casework.cases.checks import finish_check, hand_over
    from yoake.casework.cases.models import Case, Check, Post
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.collect.connector import Context
    from yoake.tables.posts import posts_batch

    now = timezone.now()
    tanaka = actor_of(User.objects.get(username="tanaka"))

    def said(n: int, text: str, **more: Any) -> dict[str, Any]:
        told = {"network": "bluesky", "native_id": f"c{n}", "text": text, "posted_at": now - timedelta(hours=n)}
        return {**told, "author_handle": "mihon.example", "author_name": "架空の人", **more}

    around = Context(
        posts_batch([said(3, "今月ほんとうに厳しい。すぐ現金になる仕事ない？"), said(2, "とりあえず話だけ聞きたい")]),
        posts_batch(
            [
                said(5, "全国どこでも。運ぶだけで1日5万🥦"),
                said(6, "昨日も2名決まりました", images=[{"ref": "x"}]),
                said(7, "やる気ある人だけ連絡ください"),
            ]
        ),
        "高額案件の紹介をしています。詳しくは固定ポストへ",
        "架空の人",
    )

    free = Case.objects.filter(practice=False, state="waiting", post__lease=None).exclude(grade__in=["", "low"])
    offers = list(free.filter(at_risk=False, post__gone_state="").order_by("-rank").select_related("post")[:5])
    plea = free.filter(at_risk=True).select_related("post").order_by("pk")[0]
    for n, case in enumerate(offers):
        Post.objects.filter(pk=case.post_id).update(url=f"https://sns.example/post/{n}")
    for case in (offers[0], plea):
        asked = surroundings.ask(tanaka, case.pk, now)
        assert asked is not None
        surroundings.keep(asked, "fetched", around, now)
    for case in offers:
        at = now - timedelta(hours=26)
        version = case.post.current_id or 0
        actions.decide(tanaka, case.pk, "in_scope", version_id=version, category_slug="criminal_recruitment", now=at)
        for row in Check.objects.filter(case=case, step__in=["1h", "6h"]):
            if case is offers[0]:
                finish_check(row, "up", row.since + timedelta(hours=int(row.step[0])))
            else:
                hand_over(row, "unchecked" if case is offers[1] else "source_off")
    print(offers[0].pk, plea.pk, offers[1].pk)


if __name__ == "__main__":
    main()
