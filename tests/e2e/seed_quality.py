"""Fills the quality pages of a server under test: `python -m tests.e2e.seed_quality`, after `tests.e2e.seed`. All invented."""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from tests.learn.models import lexicon_model, narrow_model
    from yoake.casework.cases.models import Case
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import actor_of, system
    from yoake.casework.quality import service
    from yoake.casework.quality.actions import close_alarm, judge_sample
    from yoake.casework.quality.alarms import raise_alarm
    from yoake.casework.quality.intake import Watch
    from yoake.casework.quality.models import Benchmark, ModelCheck, ScoreCount, ShadowCount, TermProposal
    from yoake.casework.quality.queries import samples_to_review
    from yoake.casework.sources.models import Source
    from yoake.collect.connector import Page
    from yoake.tables.findings import findings_batch
    from yoake.tables.posts import posts_batch

    now = timezone.now()
    police, live = Organisation.objects.get(), Source.objects.get(name="Bluesky")
    tanaka, sato = (actor_of(User.objects.get(username=name)) for name in ("tanaka", "sato"))

    everyday = [
        "近所の手伝いを募集しています。週末だけ、お礼は野菜です🥦",
        "夜だけ動ける人いませんか？駅前の片付けです",
        "受かった！来月から研修です",
    ]
    rows = [
        {
            "network": "bluesky",
            "native_id": f"s{i}",
            "text": everyday[i % 3],
            "profile": "畑と猫",
            "seen_at": now,
            "author_id": f"s{i}",
        }
        for i in range(30)
    ]
    watch = Watch(live)
    watch.add(Page(posts=posts_batch(rows)), findings_batch([]), now - timedelta(days=1))
    watch.flush()
    ScoreCount.objects.update(posts=41_200, queued=6)
    for sample in list(samples_to_review(tanaka))[:6]:
        judge_sample(tanaka, sample.pk, "not_in_scope")

    raise_alarm(police, "rate", now, source=live, before=1.8, recent=0.3, posts=41_233)
    raise_alarm(
        police,
        "cues",
        now,
        source=live,
        category="criminal_recruitment",
        psi=0.412,
        cues=["receiver", "lure", "channel"],
    )
    raise_alarm(police, "precision", now, category="drug_ad", before=0.82, recent=0.41, decided=34)
    closed = raise_alarm(police, "scores", now - timedelta(days=2), source=live, category="drug_ad", psi=0.31)
    assert closed is not None
    close_alarm(sato, closed.pk, "新しい言い回しが増えた。語句を追加した。", now - timedelta(days=1))

    cases = Case.objects.filter(practice=False).exclude(post__current__text="").order_by("pk")
    for n, (text, category) in enumerate(
        (("手押し", "drug_ad"), ("ニコニコ隊", "criminal_recruitment"), ("運び", "criminal_recruitment"))
    ):
        using = [case.post_id for case in cases if case.post.current and text in case.post.current.text][:3]
        TermProposal.objects.create(
            organisation=police, category=category, folded=text, text=text, groups=7 - n, background=n, log_odds=6.0 - n,
            errors=5.0 - n, posts=using, found_at=now,
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        service.add_model(system("command"), lexicon_model(Path(folder) / "a", "2026-11-20"), "tokyo")
        service.add_model(system("command"), narrow_model(Path(folder) / "b", "2026-10-02"), "tokyo")
    service.serve_model(sato, "tokyo/2026-10-02", "薬物だけの試行期間のため")
    service.shadow_model(system("command"), "tokyo/2026-11-20")
    ShadowCount.objects.create(
        source=live, day=now.date(), model="tokyo/2026-11-20", posts=18_204, both=11, only_serving=1, only_shadow=3
    )
    benchmark = Benchmark.objects.create(sha256="0" * 64, file="b.jsonl", rows=1200, groups=990, registered_at=now)
    ModelCheck.objects.create(
        model="tokyo/2026-11-20",
        against="tokyo/2026-10-02",
        benchmark=benchmark,
        passed=True,
        figures={"rows": 1200},
        at=now,
    )


if __name__ == "__main__":
    main()
