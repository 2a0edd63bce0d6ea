"""A provider that is confirmed, a case with sealed evidence, mail that came back: `python -m tests.e2e.seed_request`, then `… send`."""

from __future__ import annotations

import os
import sys
from datetime import timedelta


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    if sys.argv[1:2] == ["send"]:
        send_all()
    else:
        fill()


def fill() -> None:
    """Prints the number of the case."""
    from django.utils import timezone

    from tests.e2e.seed_report import arrived
    from yoake.casework.cases.actions import decide
    from yoake.casework.evidence.queries import sealed_of
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.registers.actions import add_body, confirm, fill_in
    from yoake.casework.request.models import Answer
    from yoake.casework.sources.models import Source
    from yoake.casework.wording.actions import set_letterhead
    from yoake.pipeline.duties.capture import capture
    from yoake.pipeline.duties.seal import seal

    now, live = timezone.now(), Source.objects.get(name="Bluesky")
    tanaka, sato, kanri = (actor_of(User.objects.get(username=name)) for name in ("tanaka", "sato", "kanri"))
    set_letterhead(sato, "架空県警察 サイバーパトロール", "Example Police", "000-000-0110")
    add_body(sato, "example_board", "network", "架空ボード", "Example Board", hosts="board.example")
    for way, value in (
        ("form", "https://board.example/abuse"),
        ("address", "〒000-0000\n架空県架空市二丁目2番"),
        ("terms", "規約第9条の2"),
    ):
        confirm(kanri, fill_in(sato, "example_board", way, value).pk, "架空ボードの案内ページ", "2026-11-01")
    case = arrived(
        live, "criminal_recruitment", "request/1", now - timedelta(minutes=30), author_id="q1", author_handle="boshu2.example",
        author_name="募集担当", text="高額バイト。受け取るだけで日当10万円。", url="https://jobs.board.example/ad/1",
    )  # fmt: skip
    decide(
        tanaka, case.pk, "in_scope", version_id=case.post.current_id, category_slug="criminal_recruitment",
        reason="「受け取るだけで日当10万円」との記載があり、仕事の内容を示さずに高い報酬を示しているものと認められる。",
    )  # fmt: skip
    later = timezone.now() + timedelta(minutes=11)
    for _ in range(6):
        if not seal(later) + capture(later):
            break
    case.refresh_from_db()
    assert sealed_of(case) is not None
    Answer.objects.create(
        organisation_id=case.organisation_id, body="example_board", mail_key="e2e", from_address="abuse@board.example",
        subject="お問い合わせについて", text="いつもお世話になっております。\n本件は確認中です。", at=now,
    )  # fmt: skip
    print(case.pk)


def send_all() -> None:
    """The worker's duties until nothing is due."""
    from django.utils import timezone

    from yoake.pipeline.duties.follow_requests import follow_requests
    from yoake.pipeline.duties.send import send

    while send(timezone.now()) + follow_requests(timezone.now()):
        pass


if __name__ == "__main__":
    main()
