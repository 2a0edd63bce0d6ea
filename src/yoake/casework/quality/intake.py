"""What the patrol of a source notes of every page, beside taking it in: how the detector scores, and posts drawn by lot.

Scores, cues and the shadow's opinion are added up in memory and written once a minute: a killed patrol loses at most
this much of the counts, never a post. The lot of a post is a keyed number made of its identity and the day, and the posts
with the lowest numbers of a day are its sample: uniform over the day, the same whoever counts and however often a page
is read again, and nobody who writes posts can know the number.
"""

from __future__ import annotations

import hmac
import time
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.categories import TOKYO, generation_in_force
from yoake.casework.cases.echoes import answers_stopped
from yoake.casework.cases.models import Post
from yoake.casework.cases.stopped import stopped_among
from yoake.casework.quality.models import Round, Sample, ScoreCount, ShadowCount
from yoake.casework.sources.models import Source
from yoake.collect.connector import Page
from yoake.detect.serving import service_ref
from yoake.detect.text.fold import utf8
from yoake.learn.drift import BINS
from yoake.tables.findings import LOW
from yoake.tables.posts import POSTS

WRITTEN_EVERY_S = 60.0
SAMPLE_KEPT = timedelta(days=7)
ROUNDS = {"drift": timedelta(hours=1), "terms": timedelta(days=1)}  # where a patrol runs
ROUNDS_OF_ALL = {  # wherever people decide
    "precision": timedelta(hours=1),
    "gold": timedelta(minutes=10),
    "changes": timedelta(minutes=10),
}
_TOP_LOT = (1 << 63) - 1
_TIMES = ("posted_at", "seen_at")


class Watch:
    """What one patrol notes of its source; of practice nothing."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._generation = self._model = self._shadow_ref = ""
        self._hour: datetime | None = None
        self._now = timezone.now()
        self._posts = self._queued = 0
        self._lots = _Lots(source, settings.ENVIRONMENT.sample_per_day)
        self._clear()

    def add(self, page: Page, findings: pa.RecordBatch, now: datetime | None = None) -> None:
        """Notes a page that was taken in."""
        if self.source.practice:
            return
        now = now or timezone.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        generation = generation_in_force()
        if hour != self._hour or generation != self._generation or time.monotonic() - self._since > WRITTEN_EVERY_S:
            self.flush()
            if generation != self._generation:
                self._generation, self._model = generation, service_ref(settings.YOAKE_MODELS)
                self._shadow_ref = getattr(serving_detector(), "ref", "")  # "" also when it could not be loaded
            self._hour = hour
        self._now = now
        if not page.posts.num_rows:
            return
        self._posts += page.posts.num_rows
        queued, shadow_queued = self._count(findings)
        self._queued += len(queued)
        if self._shadow_ref:
            both = len(queued & shadow_queued)
            self._shadow.update(
                posts=page.posts.num_rows,
                both=both,
                only_serving=len(queued) - both,
                only_shadow=len(shadow_queued) - both,
            )
        self._lots.draw(page.posts, queued, findings, now)

    def flush(self) -> None:
        """Writes what was counted."""
        if self._posts and Source.objects.filter(pk=self.source.pk).exists():
            with transaction.atomic():
                self._write()
        self._clear()

    def _clear(self) -> None:
        self._since = time.monotonic()
        self._hour = None
        self._posts = self._queued = 0
        self._scores: dict[str, list[int]] = defaultdict(lambda: [0] * BINS)
        self._cues: dict[str, Counter[str]] = defaultdict(Counter)
        self._shadow: Counter[str] = Counter()  # posts, both, only_serving, only_shadow

    def _count(self, findings: pa.RecordBatch) -> tuple[set[int], set[int]]:
        """Adds the findings of a page; returns the rows that the detectors in service and in shadow queue.

        Few posts have a finding, so plain lists are quicker here than kernels that are set up for millions.
        """
        queued: set[int] = set()
        shadow_queued: set[int] = set()
        if not findings.num_rows:
            return queued, shadow_queued
        rows, grades, shadow, categories, scores = (
            findings.column(name).to_pylist() for name in ("row", "grade", "shadow", "category", "score")
        )
        spans = findings.column("spans")
        cues, ends = spans.flatten().field("cue").to_pylist(), spans.value_lengths().to_numpy().cumsum().tolist()
        for i, row in enumerate(rows):
            if shadow[i]:
                if grades[i] != LOW:
                    shadow_queued.add(row)
                continue
            if grades[i] != LOW:
                queued.add(row)
            self._scores[categories[i]][min(int(scores[i] * BINS), BINS - 1)] += 1
            if said := cues[ends[i - 1] if i else 0 : ends[i]]:
                self._cues[categories[i]].update(said)
        return queued, shadow_queued

    def _write(self) -> None:
        assert self._hour is not None
        row, _made = ScoreCount.objects.select_for_update().get_or_create(
            source=self.source, hour=self._hour, model=self._model
        )
        row.posts, row.queued = row.posts + self._posts, row.queued + self._queued
        for category, bins in self._scores.items():
            before = row.scores.get(category, [0] * BINS)
            row.scores[category] = [one + more for one, more in zip(before, bins, strict=True)]
        for category, cues in self._cues.items():
            row.cues[category] = dict(Counter(row.cues.get(category, {})) + cues)
        row.save()
        if self._shadow:
            agreed, _made = ShadowCount.objects.select_for_update().get_or_create(
                source=self.source, day=self._hour.astimezone(TOKYO).date(), model=self._shadow_ref
            )
            for name, n in self._shadow.items():
                setattr(agreed, name, getattr(agreed, name) + n)
            agreed.save()
        for name, every in ROUNDS.items():
            Round.objects.get_or_create(
                organisation_id=self.source.organisation_id, name=name, defaults={"due_at": self._now + every}
            )


class _Lots:
    """Draws the sample of one source's share of a day."""

    def __init__(self, source: Source, per_day: int) -> None:
        self.source, self.per_day = source, per_day
        self._day: date | None = None
        self._border = _TOP_LOT  # whoever has a lot below it is among the lowest so far

    def draw(self, posts: pa.RecordBatch, queued: set[int], findings: pa.RecordBatch, now: datetime) -> None:
        """Takes those posts of a page that were not queued and whose lot is among the lowest of the day."""
        if not self.per_day:
            return
        day = now.astimezone(TOKYO).date()
        if day != self._day:
            self._day, self._border = day, self._lowest(day)
        lots = lots_of(posts.column("uid"), self.source.organisation_id, day)
        lots[sorted(queued)] = _TOP_LOT
        low = np.flatnonzero(lots < self._border)
        if len(low):
            chosen = low[np.argsort(lots[low], kind="stable")][: self.per_day]
            self._take(posts, chosen, lots, findings, day, now)
            self._border = self._lowest(day)

    def _lowest(self, day: date) -> int:
        """The highest lot that is still among the lowest of the day."""
        drawn = Sample.objects.filter(organisation_id=self.source.organisation_id, day=day).order_by("lot")
        return drawn.values_list("lot", flat=True)[self.per_day - 1 : self.per_day].first() or _TOP_LOT

    def _take(
        self, posts: pa.RecordBatch, chosen: Any, lots: Any, findings: pa.RecordBatch, day: date, now: datetime
    ) -> None:
        rows = posts.take(pa.array(chosen)).to_pylist()
        known = set(Post.objects.filter(uid__in=[row["uid"] for row in rows]).values_list("uid", flat=True))
        known |= stopped_among(rows) | answers_stopped(rows)
        scores: dict[int, float] = {}
        for row, score, shadow in zip(
            *(findings.column(name).to_pylist() for name in ("row", "score", "shadow")), strict=True
        ):
            scores[row] = max(scores.get(row, 0.0), 0.0 if shadow else score)
        organisation = self.source.organisation_id
        with transaction.atomic():
            Sample.objects.bulk_create(
                (
                    Sample(
                        organisation_id=organisation,
                        source=self.source,
                        day=day,
                        lot=int(lots[at]),
                        uid=row["uid"],
                        content=kept(row),
                        score=scores.get(int(at), 0.0),
                        due_at=now + SAMPLE_KEPT,
                    )
                    for at, row in zip(chosen.tolist(), rows, strict=True)
                    if row["uid"] not in known
                ),
                ignore_conflicts=True,  # the same page was read again
            )
            Sample.objects.filter(organisation_id=organisation, day=day, lot__gt=self._lowest(day)).delete()


def lots_of(uids: Any, organisation_id: int, day: date) -> Any:
    """The lots of posts on a day: int64 (posts,), 0 to 2 ** 63 - 2.

    Args:
        uids: string column of 64 hexadecimal digits each.
        organisation_id: each organisation draws for itself.
        day: in Asia/Tokyo.
    """
    secret = hmac.new(settings.SECRET_KEY.encode(), f"lot\0{organisation_id}\0{day}".encode(), "sha256").digest()
    first, second = np.frombuffer(secret[:16], "<u8")
    offsets, octets = utf8(uids)
    plain = bytes.fromhex(octets[offsets[0] : offsets[-1]].tobytes().decode("ascii"))
    numbers = np.frombuffer(plain, "<u8").reshape(len(uids), 4)[:, 0] ^ first
    for factor in (second | np.uint64(1), np.uint64(0xBF58476D1CE4E5B9)):
        numbers = numbers * factor
        numbers ^= numbers >> np.uint64(31)
    return np.minimum((numbers >> np.uint64(1)).astype(np.int64), _TOP_LOT - 1)


def kept(row: dict[str, Any]) -> dict[str, Any]:
    """A post's row as JSON holds it."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def restored(content: dict[str, Any]) -> dict[str, Any]:
    """The row that `kept` was given."""
    row: dict[str, Any] = {name: content.get(name) for name in POSTS.names}
    return {**row, **{name: datetime.fromisoformat(row[name]) if row[name] else None for name in _TIMES}}
