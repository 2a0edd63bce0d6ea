"""Adds invented posts for tests/e2e/test_case.py to a filled database; prints the numbers of their cases."""

from __future__ import annotations

import os
from typing import Any

RECRUITING = (
    "🥷🏽夜の部 闇バイト募集。受け子と出し子、日当30万円、即日手渡し。違法ではありません。{} 詳しくはテレグラムで👨‍👩‍👧"
)
HELP = "応募してしまって身分証を送ったら脅されています。抜けたいのに家族に言うと言われて、今日行くことになっています。助けてください"
MINOR = "高2です。闇バイトの受け子、日当5万円らしい。応募はDMで、テレグラムに来てと言われた。荷物を受け取るだけ"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()

    from django.utils import timezone

    from tests.e2e.seed import take
    from yoake.casework.cases.actions import add_by_hand
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.sources.models import Source

    now, live = timezone.now(), Source.objects.get(name="Bluesky")
    texts = [RECRUITING.format(n) for n in ("都内。", "大阪。", "名古屋。", "福岡。")] + [HELP, MINOR]
    rows: list[dict[str, Any]] = [
        {
            "network": "bluesky", "native_id": f"case/{n}", "text": text, "author_id": "one" if n < 4 else f"other{n}",
            "author_handle": "hiru.example" if n < 4 else f"other{n}.example", "author_name": "見本",
            "url": f"https://social.example/case/{n}", "posted_at": now, "seen_at": now,
        }
        for n, text in enumerate(texts)
    ]  # fmt: skip
    opened = take(live, rows)
    if len(opened) < len(rows):  # whatever the detector thinks of them, the tests need each
        tanaka = actor_of(User.objects.get(username="tanaka"))
        opened = [add_by_hand(tanaka, url=row["url"], text=row["text"]).case.pk for row in rows]
    print(*opened)


if __name__ == "__main__":
    main()
