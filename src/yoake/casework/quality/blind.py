"""What the blind sample says: which of its posts count, and what follows from how they were judged. One rule, for any days.

Whoever labels out of order (the most uncertain first) does not bend the estimate: of a day only the lowest lots count, up to
the first that nobody judged, and those are a fair draw of the day whatever was judged beside them. Days count by their
samples, as if every day had as many posts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db import models
from django.db.models import Exists, F, OuterRef, QuerySet, Sum, When, Window

from yoake.casework.cases.categories import TOKYO
from yoake.casework.cases.models import Case, Decision
from yoake.casework.quality.models import Sample, ScoreCount
from yoake.casework.sources.models import HourCount
from yoake.learn.chances import clopper_pearson

Verdict = Decision.Verdict
NOT_QUEUED: Final = Sum(
    models.Case(When(name="posts", then=F("n")), default=-F("n"), output_field=models.BigIntegerField())
)


def fair(drawn: QuerySet[Sample]) -> QuerySet[Sample]:
    """Of samples drawn on whole days those that count: of an organisation's day the lowest lots, up to the first not judged."""
    left = models.Case(When(verdict="", then=1), default=0)
    so_far = Window(Sum(left), partition_by=[F("organisation"), F("day")], order_by=F("lot").asc())
    return Sample.objects.filter(pk__in=drawn.order_by().annotate(left=so_far).filter(left=0).values("pk"))


def counted(first: date, last: date) -> QuerySet[ScoreCount]:
    """What the judge said hour by hour on some days (both included), of which the posts that were not queued are asked."""
    return ScoreCount.objects.filter(hour__gte=midnight(first), hour__lt=midnight(last + timedelta(days=1)))


def read(first: date, last: date) -> QuerySet[HourCount]:
    """The same posts as `counted`, from the counts that are never cleared away; NOT_QUEUED of them are asked."""
    return HourCount.objects.filter(
        source__practice=False, hour__gte=midnight(first), hour__lt=midnight(last + timedelta(days=1)), name__in=("posts", "queued")
    )  # fmt: skip


def found(first: date, last: date) -> QuerySet[Case]:
    """The cases that a patrol opened on some days (both included) and people confirmed in scope."""
    confirmed = Decision.objects.filter(case=OuterRef("pk"), verdict=Verdict.IN_SCOPE, undone_by=None)
    return Case.objects.filter(
        Exists(confirmed),
        practice=False,
        origin=Case.Origin.PATROL,
        state__in=(Case.State.DECIDED, Case.State.CLOSED),
        opened_at__gte=midnight(first),
        opened_at__lt=midnight(last + timedelta(days=1)),
    )


@dataclass(frozen=True)
class Misses:
    """How many posts in scope were not queued, estimated from the blind sample."""

    since: date
    judged: int  # samples that count: of each day the lowest lots, up to the first that nobody judged
    unsure: int  # of these, those of which nobody could tell; they are left out of the share
    missed: int
    share: tuple[float, float, float]  # of posts that were not queued: estimate, low, high (95 %, Clopper and Pearson)
    posts: int  # that were not queued on the days sampled
    found: int  # queued on these days and confirmed in scope
    recall: tuple[float, float, float]  # found of all there was: estimate, low, high

    @classmethod
    def of(cls, since: date, verdicts: Mapping[str, int], posts: int, found: int) -> Misses:
        """What follows from how the samples that count were judged, by verdict."""
        missed, unsure = verdicts.get(Verdict.IN_SCOPE, 0), verdicts.get(Verdict.CANNOT_TELL, 0)
        told = missed + verdicts.get(Verdict.NOT_IN_SCOPE, 0)
        share = (missed / told if told else 0.0, *clopper_pearson(missed, told))
        recall = [found / (found + part * posts) if found + part * posts else 0.0 for part in share]
        return cls(since, told + unsure, unsure, missed, share, posts, found, (recall[0], recall[2], recall[1]))

    @property
    def told(self) -> int:
        """Samples of which somebody could tell: what the share is of."""
        return self.judged - self.unsure

    @property
    def expected(self) -> tuple[float, float, float]:
        """How many posts were missed on these days: estimate, low, high."""
        estimate, low, high = self.share
        return estimate * self.posts, low * self.posts, high * self.posts


def midnight(day: date) -> datetime:
    """The first moment of a day of Asia/Tokyo."""
    return datetime.combine(day, time.min, TOKYO)
