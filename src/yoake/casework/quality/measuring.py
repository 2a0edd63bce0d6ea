"""How right detectors and their rules are: what they flagged, beside what people judged.

What a detector said of a version that somebody judged is kept as a `Flagged` row (names of rules, no words) before the
words go. Two figures stand side by side: of what one person judged, and of what the lot put before two. Only the second is
a fair draw whose answer two people stand behind; reviews that a rule demanded are left out of it, because the rule looks
at the answer. "Cannot tell" and duplicates count for neither.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, TextField, Value, When
from django.db.models.functions import Cast, Concat, StrIndex
from django.db.models.lookups import GreaterThan

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Decision, Finding, SecondReview
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.models import Flagged, Precision
from yoake.detect.category import FRAME
from yoake.detect.text.fold import fold_text
from yoake.learn.chances import clopper_pearson
from yoake.learn.overlay import own_words
from yoake.tables.findings import LOW

COUNTED = timedelta(days=180)  # of decisions
_LOOKED_BACK = timedelta(days=4)  # what is out of scope loses its words after three
_TOLD = (Decision.Verdict.IN_SCOPE, Decision.Verdict.NOT_IN_SCOPE)
_CLOSED = (SecondReview.State.AGREED, SecondReview.State.SETTLED)

Kind = Precision.Kind


def note_flags(organisation: Organisation, now: datetime) -> int:
    """Keeps what detectors said of the versions that were judged lately; returns how many findings that were."""
    queued = Finding.objects.filter(shadow=False).exclude(grade=LOW)
    judged = Decision.objects.filter(
        Exists(queued.filter(version=OuterRef("version"))), ~Exists(Flagged.objects.filter(decision=OuterRef("pk"))),
        case__organisation=organisation, case__practice=False, verdict__in=_TOLD, at__gt=now - _LOOKED_BACK, at__lte=now,
    )  # fmt: skip
    listed = _listed_words()
    rows: list[Flagged] = []
    decisions = list(judged.order_by("pk").values_list("pk", "version_id"))
    found: dict[int, list[Finding]] = defaultdict(list)
    for finding in queued.filter(version_id__in={version for _pk, version in decisions}):
        found[finding.version_id].append(finding)
    for pk, version in decisions:
        for finding in found[version]:
            spans = [span for span in finding.body.get("spans", ()) if float(span["weight"]) > 0]
            cues = sorted({span["cue"] for span in spans if not span["cue"].startswith(FRAME)})
            said = {(span["cue"], fold_text(span["text"])) for span in spans}
            words = {key for heard, key in listed.get(finding.category, {}).items() if heard in said}
            rows.append(
                Flagged(
                    decision_id=pk,
                    category=finding.category,
                    detector=finding.detector,
                    detector_version=finding.detector_version,
                    score=finding.score,
                    cues=cues,
                    words=sorted(words),
                )
            )
    Flagged.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    return len(rows)


def _listed_words() -> dict[str, dict[tuple[str, str], str]]:
    """Of each category the words of the deployment's own, as (cue, folded spelling) with their keys."""
    listed: dict[str, dict[tuple[str, str], str]] = {}
    for slug in categories():
        for word in (one for one in own_words(settings.YOAKE_CATEGORIES, slug) if one.on):
            for spelling in word.phrase.spellings():
                listed.setdefault(slug, {})[word.phrase.cue, fold_text(spelling)] = word.key
    return listed


@dataclass(frozen=True)
class Judged:
    """A flagged finding and whether it was right."""

    category: str
    detector: str  # with its version
    cues: tuple[str, ...]
    words: tuple[str, ...]
    at: datetime  # of the first judgement
    single: bool | None  # by the judgement that stands; None: does not count
    double: bool | None  # by what two people (or a supervisor) say


def judged_flags(organisation: Organisation, now: datetime) -> Iterator[Judged]:
    """Every flagged finding of the time that counts; of one case the newest judgement that stands."""
    flags = Flagged.objects.filter(
        decision__case__organisation=organisation, decision__at__gt=now - COUNTED, decision__at__lte=now
    ).order_by("decision__case_id", "decision__at", "decision_id", "pk")
    told = flags.annotate(single=single_right(), double=double_right()).values_list(
        "category", "detector", "detector_version", "cues", "words", "decision__at", "single", "double"
    )
    for category, detector, version, cues, words, at, single, double in told.iterator(chunk_size=2000):
        yield Judged(category, f"{detector} {version}", tuple(cues), tuple(words), at, single, double)


def single_right() -> Case:
    """In a query of `Flagged`: whether it was right by the judgement that stands, True or False; None: it does not count.

    Right is what was judged in scope under the category of the finding, first or also.
    """
    later = Decision.objects.filter(
        ~Q(at=OuterRef("decision__at"), pk__lte=OuterRef("decision_id")),
        case=OuterRef("decision__case"), at__gte=OuterRef("decision__at"), undoes=None, undone_by=None,
    )  # fmt: skip
    return _right("decision__", Q(decision__undone_by=None) & Q(~Exists(later)))


def double_right() -> Case:
    """The same by what two people (or a supervisor) say of one that was drawn by lot and not taken back."""
    closed = Q(decision__review__drawn=True, decision__review__state__in=_CLOSED)
    kept = Q(decision__undone_by=None) | Q(decision__review__state=SecondReview.State.SETTLED)
    return _right("decision__review__final_", closed & kept)


def _right(of: str, counts: Q) -> Case:
    """Whether a judgement (fields verdict, category and also behind `of`) has the finding's category, where it counts."""
    # Slugs are plain ASCII: in the text of a JSON list each stands between its quotation marks, on both databases.
    listed = StrIndex(Cast(f"{of}also", TextField()), Concat(Value('"'), F("category"), Value('"')))
    named = Q(**{f"{of}category": F("category")}) | Q(GreaterThan(listed, 0))
    verdict = f"{of}verdict"
    return Case(
        When(~Q(**{f"{verdict}__in": _TOLD}), then=Value(None)),
        When(~counts, then=Value(None)),  # asked once a row
        When(named, then=Q(**{verdict: Decision.Verdict.IN_SCOPE})),
        default=Value(False),
        output_field=BooleanField(null=True),
    )


def rules_of(flag: Judged) -> Iterator[tuple[str, str]]:
    """What flagged it, as kind and name: the detector, each cue, the cues a category says mean more together, own words."""
    yield Kind.DETECTOR, flag.detector
    for cue in flag.cues:
        yield Kind.CUE, cue
    known = categories().get(flag.category)
    if known is not None:
        kinds = {cue.kind for cue in known.cues if cue.name in flag.cues}
        for combination in known.combinations:
            if kinds.issuperset(combination.kinds):
                yield Kind.TOGETHER, "+".join(combination.kinds)
    for word in flag.words:
        yield Kind.WORD, word


def count_precision(organisation: Organisation, now: datetime) -> None:
    """Counts anew how right each detector and each rule was; what is no longer flagged by anything goes."""
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for flag in judged_flags(organisation, now):
        for kind, name in set(rules_of(flag)):
            count = counts[kind, flag.category, name[:160]]
            for what, right in (("single", flag.single), ("double", flag.double)):
                if right is not None:
                    count[what] += 1
                    count[f"{what}_right"] += right
    mine = Precision.objects.filter(organisation=organisation)
    for (kind, category, name), count in counts.items():
        figures = {what: count[what] for what in ("double", "double_right", "single", "single_right")}
        Precision.objects.update_or_create(
            organisation=organisation, kind=kind, category=category, name=name, defaults={**figures, "at": now}
        )
    mine.filter(at__lt=now).delete()


@dataclass(frozen=True)
class Share:
    """A count of what was right, with its interval of 95 % (Clopper and Pearson)."""

    n: int
    right: int

    @property
    def share(self) -> float:
        """Share that was right; 0 for n = 0."""
        return self.right / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies; (0, 1) for n = 0."""
        return clopper_pearson(self.right, self.n)


@dataclass(frozen=True)
class Measured:
    """How right something was, by two people's judgement and by one's."""

    kind: str
    category: str
    name: str
    double: Share
    single: Share


def precisions(actor: Actor) -> list[Measured]:
    """Of every detector and rule, those with most double-reviewed items first."""
    actor.must("read")
    rows = Precision.objects.filter(organisation_id=actor.organisation_id)
    return [_measured(row) for row in rows.order_by(F("double").desc(), F("single").desc(), "category", "kind", "name")]


def precision_of(actor: Actor, findings: Iterable[Finding]) -> dict[int, Measured]:
    """How right the detector behind each finding has been about its category, by the finding's id: one query."""
    actor.must("read")
    wanted = {(f.category, f"{f.detector} {f.detector_version}"[:160]): f.pk for f in findings}
    if not wanted:
        return {}
    asked = Q()
    for category, name in wanted:
        asked |= Q(category=category, name=name)
    rows = Precision.objects.filter(asked, organisation_id=actor.organisation_id, kind=Kind.DETECTOR)
    return {wanted[row.category, row.name]: _measured(row) for row in rows}


def _measured(row: Precision) -> Measured:
    return Measured(
        row.kind, row.category, row.name, Share(row.double, row.double_right), Share(row.single, row.single_right)
    )
