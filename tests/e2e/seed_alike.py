"""Lets 26 posts that say nearly the same arrive, and two that may: `python -m tests.e2e.seed_alike`, after `tests.e2e.seed`.

All invented. Prints the id of the case that leads them.
"""

from __future__ import annotations

import os
from datetime import timedelta

WORDS = (
    "【急募】{place}で荷物を受け取って運ぶだけ、日給{pay}万円、即日手渡し。未経験でも大丈夫、服装も自由です。"
    "身分証の写真を送ってくれた方から順番に案内します。詳しいことは鍵のかかるアプリで{tail}"
)
TAILS = ("", "✨", " #副業", "💰💰", " #即日", "❗", " @annai", " #日払い")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from tests.e2e.seed import take
    from yoake.casework.cases.models import Case, Comparison
    from yoake.casework.sources.models import Source
    from yoake.pipeline.duties.fold import fold

    now = timezone.now()
    Comparison.objects.update(due_at=None)  # what the seed brought stands as it is
    texts = [WORDS.format(place="関東", pay=10 + i % 6, tail=TAILS[i % len(TAILS)]) for i in range(25)]
    texts.append(WORDS.format(place="関東", pay=10, tail="\u200b").replace("順番に", "すぐ"))
    texts.append("これ、友達から回ってきた→" + WORDS.format(place="関東", pay=15, tail="…大丈夫かな？"))
    texts.append(
        WORDS.format(place="関東", pay=8, tail="").replace("服装も自由です", "スーツを貸します").replace("写真", "画像")
    )
    posts = [
        {
            "network": "bluesky", "native_id": f"alike/{i}", "text": text, "seen_at": now, "author_id": f"alike-{i}",
            "author_handle": f"hakobi{i:02d}.example", "author_name": f"案内係{i + 1}",
            "posted_at": now - timedelta(minutes=len(texts) - i),
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip
    live = Source.objects.get(name="Bluesky")
    opened = take(live, posts)
    hours = {"seen_until": now + timedelta(hours=1), "last_page_at": now + timedelta(hours=1)}
    Source.objects.filter(pk=live.pk).update(lease_holder="", lease_expires_at=now + timedelta(days=1), **hours)
    Case.objects.filter(pk__in=opened).update(prefecture="")
    while fold(timezone.now()):
        pass
    print(opened[0])


if __name__ == "__main__":
    main()
