"""Fills what is judged twice on a server under test: `python -m tests.e2e.seed_reviews`, after `tests.e2e.seed`. All invented."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from yoake.casework.cases.actions import decide
    from yoake.casework.cases.models import Case, SecondReview
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.quality import gold
    from yoake.casework.quality.guarding import look_at_guards
    from yoake.casework.quality.measuring import count_precision, note_flags
    from yoake.casework.quality.models import Alarm
    from yoake.casework.quality.reviews import judge_again, settle

    police, now = Organisation.objects.get(), timezone.now()
    tanaka, sato, kanri = (actor_of(User.objects.get(username=name)) for name in ("tanaka", "sato", "kanri"))
    found = Case.objects.filter(practice=False, state="waiting", at_risk=False, post__lease=None)
    cases = list(found.exclude(grade__in=["", "low"]).order_by("-rank").select_related("post"))

    def answer(case: Case, right: bool) -> dict[str, Any]:
        return {"verdict": "in_scope", "category_slug": case.category} if right else {"verdict": "not_in_scope"}

    for at, case in enumerate(cases[:12]):  # all drawn: YOAKE_REVIEW_SHARE is 100 on this server
        version = case.post.current_id or 0
        decide(tanaka, case.pk, version_id=version, reason="報酬と役割がそろっている", **answer(case, at % 4 != 3))
        if at < 10:
            second = answer(case, at % 4 != 3 if at < 8 else at % 4 == 3)
            judge_again(sato, case.pk, version_id=version, reason="引用とも読める", **second)
    apart = SecondReview.objects.filter(state="disagreed").order_by("pk")
    read = apart[0].case.post.current_id or 0
    settle(kanri, apart[0].pk, "not_in_scope", version_id=read, reason="記事の引用だった")
    sure = SecondReview.objects.filter(state="agreed", first__verdict="in_scope").order_by("pk").first()
    assert sure is not None
    gold.mark_gold(sato, sure.case_id, "受け子という役と日当がそろい、応募先まである。")
    gold.gold_from_practice(sato, gold.practice_to_offer(sato)[0].ident)
    note_flags(police, now + timedelta(minutes=1))
    count_precision(police, now + timedelta(minutes=1))
    look_at_guards(police, now + timedelta(minutes=1))
    facts = {"guard": "folding", "measured": 0.9, "bar": 0.95, "n": 40}
    Alarm.objects.create(organisation=police, kind="guard", facts=facts, raised_at=now, seen_at=now)
    left = iter(cases[12:])  # a copy is drawn by lot for one decision in five: judge on until the lot has fallen
    while not (dealt := gold.deal(police, now)):
        case = next(left)
        decide(
            tanaka,
            case.pk,
            version_id=case.post.current_id or 0,
            reason="報酬と役割がそろっている",
            **answer(case, right=True),
        )
    print(dealt)


if __name__ == "__main__":
    main()
