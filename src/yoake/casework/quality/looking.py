"""The looks that are taken over and over: has the judge drifted, has its precision fallen, which words are new?

An alarm is raised once and kept up to date while it holds. It ends only when a supervisor closes it, and then stays
quiet for a week: whoever looked need not look again tomorrow. Nothing here changes what the detector does.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings

from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.models import Case, Decision
from yoake.casework.people.models import Organisation
from yoake.casework.quality.alarms import raise_alarm, tell_changes
from yoake.casework.quality.gold import clear_away, deal
from yoake.casework.quality.guarding import look_at_guards
from yoake.casework.quality.intake import ROUNDS_OF_ALL
from yoake.casework.quality.measuring import count_precision, note_flags
from yoake.casework.quality.models import Alarm, Round, ScoreCount, ShadowCount, TermProposal
from yoake.casework.sources.models import NgramCount, Source
from yoake.detect import serving
from yoake.detect.background import NgramCounts
from yoake.detect.model import SHADOW, pointed
from yoake.detect.text.fold import fold_text
from yoake.errors import Refused
from yoake.learn.chances import difference
from yoake.learn.copies import near_copies
from yoake.learn.drift import BINS, psi, psi_of, rate
from yoake.learn.terms import propose

RECENT = timedelta(hours=24)
REFERENCE = timedelta(days=14)
REFERENCE_LEAST = timedelta(days=3)  # younger counts are no reference
COUNTS_KEPT = timedelta(days=90)
DECIDED_RECENT = timedelta(days=7)
DECIDED_BEFORE = timedelta(days=28)
DECIDED_LEAST = 20  # decisions in each of the two stretches
FALL = 0.1  # points of precision
TERMS_FROM = 2000  # newest confirmed posts of a category that are looked at
BACKGROUND_DAYS = 30
WORD_LONGEST = 60

Kind = Alarm.Kind


def take_round(row: Round, now: datetime) -> None:
    """Takes the look that a row asks for, in short transactions of its own; call it in none.

    Taken a second time, a look changes nothing more.
    """
    if row.name == "drift":
        look_for_drift(row.organisation, now)
        look_for_fall(row.organisation, now)
        look_at_shadow(row.organisation, now)
        ScoreCount.objects.filter(source__organisation=row.organisation, hour__lt=now - COUNTS_KEPT).delete()
        last = (now - COUNTS_KEPT).astimezone(TOKYO).date()
        ShadowCount.objects.filter(source__organisation=row.organisation, day__lt=last).delete()
    elif row.name == "terms":
        look_for_terms(row.organisation, now)
    elif row.name == "precision":
        note_flags(row.organisation, now)
        count_precision(row.organisation, now)
        look_at_guards(row.organisation, now)
    elif row.name == "gold":
        clear_away(row.organisation, now)
        deal(row.organisation, now)
    elif row.name == "changes":
        tell_changes(row.organisation, now)


def plan_rounds(now: datetime) -> None:
    """Wherever people decide, their judgements are counted and copies of gold cases given, with or without a patrol."""
    for name, every in ROUNDS_OF_ALL.items():
        for organisation in Organisation.objects.exclude(rounds__name=name):
            Round.objects.get_or_create(organisation=organisation, name=name, defaults={"due_at": now + every})


def look_for_drift(organisation: Organisation, now: datetime) -> None:
    """Compares the last 24 hours of each source with the two weeks before, under the model that is in service."""
    model = serving.service_ref(settings.YOAKE_MODELS)
    for source in Source.objects.filter(organisation=organisation, practice=False):
        counted = ScoreCount.objects.filter(source=source, model=model)
        recent = _Counted(counted.filter(hour__gt=now - RECENT, hour__lte=now))
        before = _Counted(counted.filter(hour__gt=now - RECENT - REFERENCE, hour__lte=now - RECENT))
        if not before.hours or before.first_hour > now - RECENT - REFERENCE_LEAST or not recent.posts:
            continue
        often = rate(before.queued, before.posts, recent.queued, recent.posts)
        if often.alarming:
            facts: dict[str, Any] = {
                "before": round(often.before, 2),
                "recent": round(often.recent, 2),
                "posts": recent.posts,
            }
            raise_alarm(organisation, Kind.RATE, now, source=source, **facts)
        for category in sorted({*before.scores, *recent.scores}):
            empty = [0] * BINS
            spread = psi(before.scores.get(category, empty), recent.scores.get(category, empty))
            words = psi_of(before.cues.get(category, Counter()), recent.cues.get(category, Counter()))
            if spread.alarming:
                raise_alarm(organisation, Kind.SCORES, now, source=source, category=category, psi=round(spread.psi, 3))
            if words.alarming:
                most = _most_changed(before.cues[category], recent.cues[category])
                raise_alarm(
                    organisation, Kind.CUES, now, source=source, category=category, psi=round(words.psi, 3), cues=most
                )


class _Counted:
    """Several hours of a source together."""

    def __init__(self, rows: Any) -> None:
        self.posts = self.queued = self.hours = 0
        self.first_hour = datetime.max.replace(tzinfo=TOKYO)
        self.scores: dict[str, list[int]] = {}
        self.cues: dict[str, Counter[str]] = {}
        for row in rows:
            self.hours += 1
            self.posts += row.posts
            self.queued += row.queued
            self.first_hour = min(self.first_hour, row.hour)
            for category, bins in row.scores.items():
                sums = self.scores.get(category, [0] * BINS)
                self.scores[category] = [one + other for one, other in zip(sums, bins, strict=True)]
            for category, cues in row.cues.items():
                self.cues.setdefault(category, Counter()).update(cues)


def _most_changed(before: Counter[str], recent: Counter[str]) -> list[str]:
    """The three cues whose share changed most."""
    sums = sum(before.values()) or 1, sum(recent.values()) or 1
    moved = {cue: abs(recent[cue] / sums[1] - before[cue] / sums[0]) for cue in {*before, *recent}}
    return sorted(moved, key=lambda cue: (-moved[cue], cue))[:3]


def look_for_fall(organisation: Organisation, now: datetime) -> None:
    """Compares how many of the cases decided in the last week were in scope with the four weeks before."""
    found = Decision.objects.filter(
        case__organisation=organisation, case__practice=False, case__origin=Case.Origin.PATROL,
        case__state=Case.State.DECIDED, undoes=None, undone_by=None, at__gt=now - DECIDED_RECENT - DECIDED_BEFORE, at__lte=now,
    ).exclude(verdict__in=(Decision.Verdict.CANNOT_TELL, Decision.Verdict.DUPLICATE))  # fmt: skip
    newest: dict[int, tuple[datetime, str, bool]] = {}
    for case_id, at, category, verdict in found.order_by("at", "id").values_list(
        "case_id", "at", "case__category", "verdict"
    ):
        newest[case_id] = at, category, verdict == Decision.Verdict.IN_SCOPE
    for category in sorted({"", *(category for _at, category, _in in newest.values())}):
        meant = [(at, held) for at, of, held in newest.values() if category in ("", of)]
        recent = [held for at, held in meant if at > now - DECIDED_RECENT]
        before = [held for at, held in meant if at <= now - DECIDED_RECENT]
        if min(len(recent), len(before)) < DECIDED_LEAST:
            continue
        _low, high = difference(sum(recent), len(recent), sum(before), len(before))
        shares = sum(before) / len(before), sum(recent) / len(recent)
        if high < 0 and shares[0] - shares[1] >= FALL:
            facts: dict[str, Any] = {
                "before": round(shares[0], 3),
                "recent": round(shares[1], 3),
                "decided": len(recent),
            }
            raise_alarm(organisation, Kind.PRECISION, now, category=category, **facts)


def look_at_shadow(organisation: Organisation, now: datetime) -> None:
    """Whether the model in shadow can be loaded."""
    try:
        ref = pointed(settings.YOAKE_MODELS, SHADOW)
        if ref:
            serving.beside_lexicon(settings.YOAKE_MODELS / ref, settings.YOAKE_CATEGORIES)
    except Refused as problem:
        raise_alarm(organisation, Kind.SHADOW, now, problem=str(problem)[:500])


def look_for_terms(organisation: Organisation, now: datetime) -> None:
    """Proposes words that posts confirmed in scope use more than everyday text; what was rejected is not proposed again."""
    background = _background(organisation, now)
    for slug, category in categories().items():
        if category.record_only:
            continue
        confirmed = _confirmed(organisation, slug)
        texts = [text for _post, _author, text in confirmed]
        groups = near_copies(texts)
        first: dict[int, int] = {}
        for i, (_post, author, _text) in enumerate(confirmed):
            if author:
                groups.join(i, first.setdefault(author, i))
        known = {fold_text(spelling) for phrase in category.phrases for spelling in phrase.spellings()}
        judged = TermProposal.objects.filter(organisation=organisation, category=slug).exclude(
            state=TermProposal.State.PROPOSED
        )
        known.update(judged.values_list("folded", flat=True))
        found = propose(texts, groups.all(), background, known)
        waiting = TermProposal.objects.filter(
            organisation=organisation, category=slug, state=TermProposal.State.PROPOSED
        )
        waiting.exclude(folded__in=[term.folded for term in found]).delete()  # no longer over-used, or listed meanwhile
        for term in found:
            facts = {
                "text": term.text if len(term.text) <= WORD_LONGEST else term.folded,
                "groups": term.groups,
                "background": term.background,
                "log_odds": term.log_odds,
                "errors": term.errors,
                "posts": [confirmed[i][0] for i in term.posts[:10]],
            }
            TermProposal.objects.update_or_create(
                organisation=organisation,
                category=slug,
                folded=term.folded,
                defaults=facts,
                create_defaults={**facts, "found_at": now},
            )


def _confirmed(organisation: Organisation, slug: str) -> list[tuple[int, int, str]]:
    """Post, author (0: unknown) and text of the newest posts confirmed under a category."""
    standing = Decision.objects.filter(
        case__organisation=organisation, case__practice=False, case__state=Case.State.DECIDED, case__post__erased_at=None,
        case__minor=False, undoes=None, undone_by=None, verdict=Decision.Verdict.IN_SCOPE, category=slug,
    ).order_by("-at", "-id")  # fmt: skip
    rows = standing.values_list("case__post_id", "case__post__account_id", "version__text")[:TERMS_FROM]
    return [(post, account or 0, text) for post, account, text in rows if text]


def _background(organisation: Organisation, now: datetime) -> NgramCounts:
    """Everyday text of the organisation's sources in the last thirty days."""
    counts = NgramCounts()
    since = now.astimezone(TOKYO).date() - timedelta(days=BACKGROUND_DAYS)
    for row in NgramCount.objects.filter(source__organisation=organisation, day__gte=since).iterator(chunk_size=10):
        counts.merge(NgramCounts(np.frombuffer(bytes(row.buckets), "<u4")))
    return counts
