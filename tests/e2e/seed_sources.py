"""Adds sources in every state to a seeded database: `python -m tests.e2e.seed_sources`. Everything is invented."""

from __future__ import annotations

import os
from datetime import timedelta


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    fill()


def fill() -> None:
    from django.utils import timezone

    from yoake.casework.cases.categories import categories
    from yoake.casework.due import TOKYO
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import actor_of, system
    from yoake.casework.sources import plans
    from yoake.casework.sources.actions import add_source, count, record_permission, switch_source
    from yoake.casework.sources.models import Query, QueryDay, Source

    now, police = timezone.now(), Organisation.objects.get()
    administrator = actor_of(User.objects.get(username="kanri"))
    alive = {"lease_expires_at": now + timedelta(days=1), "last_page_at": now + timedelta(hours=1)}

    def made(name: str, connector: str, **options: str) -> Source:
        return add_source(system("command"), police, connector, name=name, options=options)

    made("待機中の検索", "x_search")
    board = made("求人サイト", "job_posting", url="https://jobs.example/sitemap.xml")
    count(board, now, {"posts": 512, "queued": 3})
    Source.objects.filter(pk=board.pk).update(
        state="waiting",
        problem="jobs.example does not answer; trying again later.",
        next_try_at=now + timedelta(minutes=3),
        **alive,
    )
    feed = made("地域掲示板のフィード", "rss", url="https://board.example/feed")
    Source.objects.filter(pk=feed.pk).update(
        state="paused", problem="https://board.example/feed answers 404: there is no such feed any more."
    )
    Source.objects.filter(pk=made("止めた出典", "rss", url="https://old.example/feed").pk).update(enabled=False)
    record_permission(
        administrator,
        "test_board",
        permitted_by="架空掲示板株式会社 渉外課",
        permitted_on=now.astimezone(TOKYO).date(),
        terms="検索APIのみ、1日2万回まで。\n取得した投稿の再配布は不可。",
        reference="契約 7-12",
    )
    searched = made("検索", "test_board", path="x", key="board_key")
    switch_source(administrator, searched, on=True)
    Source.objects.filter(pk=searched.pk).update(state="running", seen_until=now + timedelta(hours=1), **alive)
    count(searched, now, {"posts": 3_301, "queued": 41})
    plan = plans.plan_of(searched)
    assert plan is not None
    plans.refresh(plan, categories(), now)
    numbers = [(220, 640, 38, 31, 4), (140, 900, 12, 0, 11), (30, 0, 0, 0, 0), (80, 120, 9, 2, 1), (2, 3, 1, 0, 0)]
    today = now.astimezone(TOKYO).date()
    for query, told in zip(Query.objects.filter(source=searched).order_by("pk"), numbers, strict=False):
        asked, posts, queued, in_scope, not_in_scope = told
        QueryDay.objects.create(
            query=query,
            day=today,
            asked=asked,
            posts=posts,
            queued=queued,
            in_scope=in_scope,
            not_in_scope=not_in_scope,
        )
        Query.objects.filter(pk=query.pk).update(last_asked_at=now, last_turn=asked)
    plans.add_query(administrator, searched, "にこにこ隊 募集", "criminal_recruitment")
    paused = plans.add_query(administrator, searched, "(括弧のある言葉")
    Query.objects.filter(pk=paused.pk).update(
        state="paused", problem="query is '(括弧のある言葉': words without brackets"
    )


if __name__ == "__main__":
    main()
