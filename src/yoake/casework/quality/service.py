"""Models into service and back: add, check on the benchmark set, shadow, serve, roll back.

The rule for serving: the newest check against the model in service on the benchmark set in force was passed, and so was
the time in shadow. What is lacking can be overruled by a supervisor who gives a reason; the audit chain then holds the
reason's digest, and the ModelChange its words. Shadow is passed when the model looked on for three days and 10,000 posts,
would not have queued more than a quarter more (and ten), and of the cases confirmed meanwhile missed at most one in
twenty (one is always allowed).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.models import Decision, Finding
from yoake.casework.people.queries import Actor
from yoake.casework.quality.models import Benchmark, ModelChange, ModelCheck, ShadowCount, StoredModel
from yoake.detect import serving
from yoake.detect.model import SERVING, SHADOW, pointed
from yoake.errors import BadInput, Refused
from yoake.learn import versions
from yoake.tables.findings import LOW

SHADOW_TIME = timedelta(days=3)
SHADOW_POSTS = 10_000
SHADOW_GROWTH = 1.25
SHADOW_MISSED = 0.05
REASON_LONGEST = 1000

Kind = ModelChange.Kind


def add_model(actor: Actor, folder: Path, name: str, now: datetime | None = None) -> StoredModel:
    """Copies a model folder into the store, as name/version. Raises as `yoake.learn.versions.add`."""
    actor.must("models")
    now = now or timezone.now()
    found = versions.add(_store(), folder, name)
    with transaction.atomic():
        stored, _made = StoredModel.objects.update_or_create(
            ref=found.ref, defaults={"sha256": versions.digest(found.folder), "added_at": now}
        )
        record("model_added", actor=actor.name, subject=f"model:{found.ref}", at=now, sha256=stored.sha256)
    return stored


def register_benchmark(actor: Actor, file: Path, now: datetime | None = None) -> Benchmark:
    """Freezes a file of labelled rows as the benchmark set; checks on an earlier set no longer count.

    Raises BadInput when it cannot be read, holds a bad line or hashed rows, or lacks harmful or harmless rows.
    """
    actor.must("models")
    now = now or timezone.now()
    corpus = _rows(file)
    if corpus.refusals:
        raise BadInput("benchmark", str(file), f"a file without bad lines ({corpus.refusals[0]})")
    harmful = corpus.harmful()
    if any(row.hashed for row in corpus.rows) or not harmful.any() or harmful.all():
        raise BadInput("benchmark", str(file), "rows with a text, some labelled and some none")
    with transaction.atomic():
        benchmark = Benchmark.objects.create(
            sha256=corpus.sources[0].sha256, file=file.name[:200], rows=len(corpus.rows),
            groups=len(set(corpus.groups.tolist())), registered_at=now, by_id=actor.user_id or None,
        )  # fmt: skip
        record(
            "benchmark_registered", actor=actor.name, subject=f"benchmark:{benchmark.pk}", at=now,
            sha256=benchmark.sha256, rows=benchmark.rows,
        )  # fmt: skip
        if versions.freeze(_store(), file) != benchmark.sha256:
            raise Refused(f"the file {file} changed while it was read; register it again")
    return benchmark


def check_model(actor: Actor, ref: str, rounds: int = 1000, now: datetime | None = None) -> ModelCheck:
    """Compares a model with the one in service on the benchmark set (rule: `yoake.learn.comparison`).

    Raises:
        BadInput: there is no such model, or it is the one in service.
        Refused: no benchmark set is registered, its file was changed, the model was trained on it, or a model is damaged.
    """
    from yoake.learn.comparison import ask, compare  # loads what only a check needs

    actor.must("models")
    now, store = now or timezone.now(), _store()
    stored, against = _unchanged(ref), pointed(store, SERVING)
    if ref == against:
        raise BadInput("model", ref, "a model that is not in service: there is nothing to compare it with")
    benchmark = frozen_benchmark()
    facts = versions.version(store, stored.ref).facts
    if any(isinstance(one, dict) and one.get("sha256") == benchmark.sha256 for one in facts.get("data", ())):
        raise Refused(f"the model {ref} was trained on the benchmark set: it proves nothing there; train it without")
    known = categories()
    corpus = _rows(store / versions.BENCHMARK)
    # what may be the same words whether true or false is in no figure
    unmeasured = {slug for slug, category in known.items() if not category.measured}
    corpus = corpus.part(i for i, row in enumerate(corpus.rows) if not unmeasured.intersection(row.labels))
    labels = sorted({*corpus.labels()} & {*known})
    overlay = settings.YOAKE_CATEGORIES
    serves = ask(serving.in_service(store, overlay), corpus, labels)
    new = ask(serving.beside_lexicon(store / ref, overlay), corpus, labels)
    at_risk = [slug for slug in labels if known[slug].at_risk]
    figures = compare(corpus, labels, serves, new, at_risk, rounds=rounds)
    with transaction.atomic():
        check = ModelCheck.objects.create(
            model=ref,
            against=serving.service_ref(store),
            benchmark=benchmark,
            passed=figures["passed"],
            figures=figures,
            at=now,
        )
        record(
            "model_checked", actor=actor.name, subject=f"model:{ref}", at=now, check=check.pk, passed=check.passed,
            benchmark=benchmark.sha256,
        )  # fmt: skip
    return check


def frozen_benchmark() -> Benchmark:
    """The benchmark set in force. Raises Refused when there is none, or its file is not what was registered."""
    benchmark = Benchmark.objects.order_by("pk").last()
    if benchmark is None:
        raise Refused("no benchmark set is registered; register one with `yoake model benchmark FILE`")
    file = _store() / versions.BENCHMARK
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != benchmark.sha256:
        raise Refused(
            f"the benchmark set {file} is not the one that was registered; bring the old file back, or register it anew"
        )
    return benchmark


def shadow_model(actor: Actor, ref: str, now: datetime | None = None) -> ModelChange:
    """Lets a model look on, or with ref = "" nobody; a running patrol notices before its next page but one at most."""
    actor.must("models")
    now, store = now or timezone.now(), _store()
    before = pointed(store, SHADOW)
    if ref:
        _unchanged(ref)
        serving.beside_lexicon(store / ref, settings.YOAKE_CATEGORIES)
        if ref == pointed(store, SERVING):
            raise BadInput("model", ref, "a model that is not in service")
    if ref == before:
        raise BadInput("model", ref or "none", "another model than the one in shadow now")
    with transaction.atomic():
        change = ModelChange.objects.create(
            kind=Kind.SHADOW_ON if ref else Kind.SHADOW_OFF,
            model=ref,
            before=before,
            by_id=actor.user_id or None,
            at=now,
        )
        record(f"model_{change.kind}", actor=actor.name, subject=f"model:{ref or before}", at=now, change=change.pk)
        versions.point(store, SHADOW, ref)
    return change


def serve_model(actor: Actor, ref: str, reason: str = "", now: datetime | None = None) -> ModelChange:
    """Puts a model into service, "" being the shipped one.

    Args:
        actor: a supervisor.
        ref: name/version.
        reason: needed when the rule is not met.
        now: the time; the clock's when left out.

    Raises:
        BadInput: there is no such model, or it is in service.
        Refused: the model is damaged, or the rule is not met and no reason is given.
    """
    _supervisor(actor)
    now, store, reason = now or timezone.now(), _store(), reason.strip()
    before = _pointer_or_nothing()
    if ref == before:
        raise BadInput("model", ref or "shipped", "another model than the one in service")
    if len(reason) > REASON_LONGEST:
        raise BadInput("reason", reason, "at most 1000 characters")
    sha256 = ""
    if ref:
        sha256 = _unchanged(ref).sha256
        serving.beside_lexicon(store / ref, settings.YOAKE_CATEGORIES)
    lacking = lacking_for_service(ref, now)
    if lacking and not reason:
        raise Refused(
            f"the model {ref or 'shipped'} does not meet the rule ({', '.join(lacking)}); a supervisor may give a reason"
        )
    return _change(actor, Kind.SERVED, ref, before, now, lacking=lacking, reason=reason, sha256=sha256)


def roll_back(actor: Actor, reason: str = "", now: datetime | None = None) -> ModelChange:
    """Puts back what served before the model in service; done again, what served before that.

    Raises Refused when nothing served before, or what did is gone or damaged.
    """
    _supervisor(actor)
    now, before = now or timezone.now(), _pointer_or_nothing()
    served = _served()
    if not served or served[-1].model != before:
        raise Refused("nothing served before the model in service; choose one with `yoake model serve`")
    back = served[-1].before
    if back:
        _unchanged(back)
        serving.beside_lexicon(_store() / back, settings.YOAKE_CATEGORIES)
    return _change(actor, Kind.ROLLED_BACK, back, before, now, reason=reason.strip()[:REASON_LONGEST])


def may_roll_back() -> bool:
    """Whether something served before what is in service."""
    served = _served()
    return bool(served) and served[-1].model == _pointer_or_nothing()


def lacking_for_service(ref: str, now: datetime) -> list[str]:
    """Which parts of the rule a model does not meet: benchmark, shadow. The shipped one is the ground and meets it."""
    if not ref:
        return []
    lacking = []
    benchmark = Benchmark.objects.order_by("pk").last()
    try:
        against = serving.service_ref(_store())
    except Refused:  # a broken pointer, which serving a model repairs
        against = ""
    check = ModelCheck.objects.filter(model=ref, against=against, benchmark=benchmark).order_by("pk").last()
    if benchmark is None or check is None or not check.passed:
        lacking.append("benchmark")
    if not shadow_report(ref, now).passed:
        lacking.append("shadow")
    return lacking


@dataclass(frozen=True)
class ShadowReport:
    """How a model did while it looked on, since it was last put into shadow."""

    since: datetime | None
    until: datetime | None
    posts: int
    both: int
    only_serving: int
    only_shadow: int
    confirmed: int  # cases the one in service queued, confirmed in scope
    confirmed_found: int  # of these, those it would have queued too
    lacking: tuple[str, ...]  # time, posts, queue, confirmed

    @property
    def passed(self) -> bool:
        """Whether the rule is met."""
        return not self.lacking


def shadow_report(ref: str, now: datetime) -> ShadowReport:
    """What a model in shadow would have done, over all sources that are not practice."""
    began = ModelChange.objects.filter(kind=Kind.SHADOW_ON, model=ref).order_by("pk").last()
    if began is None:
        return ShadowReport(None, None, 0, 0, 0, 0, 0, 0, ("time", "posts"))
    ended = ModelChange.objects.filter(
        kind__in=[Kind.SHADOW_ON, Kind.SHADOW_OFF], before=ref, pk__gt=began.pk
    ).order_by("pk").first()  # fmt: skip
    since, until = began.at, ended.at if ended else None
    counted = ShadowCount.objects.filter(model=ref, day__gte=since.astimezone(TOKYO).date())
    sums = counted.aggregate(**{n: Sum(n) for n in ("posts", "both", "only_serving", "only_shadow")})
    posts, both, only_serving, only_shadow = (
        int(sums[n] or 0) for n in ("posts", "both", "only_serving", "only_shadow")
    )
    in_scope = Decision.objects.filter(
        verdict=Decision.Verdict.IN_SCOPE, undoes=None, undone_by=None, at__gte=since, case__practice=False,
        case__state="decided", case__origin="patrol", version__seen_at__gte=since, version__seen_at__lt=until or now,
    )  # fmt: skip
    read = set(in_scope.values_list("version_id", flat=True))
    said = Finding.objects.filter(version_id__in=read, shadow=True, detector_version=ref).exclude(grade=LOW)
    found = set(said.values_list("version_id", flat=True))
    lacking = []
    if (until or now) - since < SHADOW_TIME:
        lacking.append("time")
    if posts < SHADOW_POSTS:
        lacking.append("posts")
    if both + only_shadow > (both + only_serving) * SHADOW_GROWTH + 10:
        lacking.append("queue")
    if len(read) - len(found) > max(1, SHADOW_MISSED * len(read)):
        lacking.append("confirmed")
    return ShadowReport(since, until, posts, both, only_serving, only_shadow, len(read), len(found), tuple(lacking))


@dataclass(frozen=True)
class ModelNow:
    """A model of the store, as lists show it."""

    ref: str
    detector: str
    sha256: str  # when it was added; "" for a folder that was put there by hand
    unchanged: bool
    serving: bool
    shadow: bool
    date: str
    rows: int | None
    data: list[dict[str, Any]]  # provenance: name, sha256, rows, as
    check: ModelCheck | None  # the newest
    card: str


def models_now() -> list[ModelNow]:
    """Every model of the store."""
    store = _store()
    served, shadowed = _pointer_or_nothing(), _pointer_or_nothing(SHADOW)
    stored = {one.ref: one.sha256 for one in StoredModel.objects.all()}
    checks = {check.model: check for check in ModelCheck.objects.select_related("benchmark").order_by("pk")}
    return [
        ModelNow(
            found.ref,
            found.detector,
            stored.get(found.ref, ""),
            stored.get(found.ref) == versions.digest_seen(found.folder),
            found.ref == served,
            found.ref == shadowed,
            str(found.facts.get("date", "")),
            found.facts.get("rows"),
            [one for one in found.facts.get("data", ()) if isinstance(one, dict)],
            checks.get(found.ref),
            found.card,
        )
        for found in versions.versions(store)
    ]


def _change(
    actor: Actor,
    kind: str,
    ref: str,
    before: str,
    now: datetime,
    *,
    reason: str = "",
    lacking: list[str] | None = None,
    sha256: str = "",
) -> ModelChange:
    store = _store()
    with transaction.atomic():
        change = ModelChange.objects.create(
            kind=kind,
            model=ref,
            before=before,
            lacking=lacking or [],
            reason=reason,
            by_id=actor.user_id or None,
            at=now,
        )
        record(
            f"model_{kind}", actor=actor.name, subject=f"model:{ref or 'shipped'}", at=now, before=before or "shipped",
            change=change.pk, lacking=" ".join(lacking or []), sha256=sha256,
            reason_sha256=hashlib.sha256(reason.encode()).hexdigest() if reason else "",
        )  # fmt: skip
        if ref and ref == _pointer_or_nothing(SHADOW):  # who serves need not look on
            ModelChange.objects.create(kind=Kind.SHADOW_OFF, before=ref, by_id=actor.user_id or None, at=now)
            versions.point(store, SHADOW, "")
        versions.point(store, SERVING, ref)  # last: what was not written down does not serve
    return change


def _served() -> list[ModelChange]:
    """Changes of service that were not rolled back, oldest first."""
    stack: list[ModelChange] = []
    for change in ModelChange.objects.filter(kind__in=[Kind.SERVED, Kind.ROLLED_BACK]).order_by("pk"):
        if change.kind == Kind.SERVED:
            stack.append(change)
        elif stack:
            stack.pop()
    return stack


def _pointer_or_nothing(pointer: str = SERVING) -> str:
    """What a pointer names; a broken one counts as not set, so that serving another model repairs it."""
    try:
        return pointed(_store(), pointer)
    except Refused:
        return ""


def _unchanged(ref: str) -> StoredModel:
    """A model of the store whose files are those that were added. Raises BadInput or Refused."""
    found = versions.version(_store(), ref)
    stored = StoredModel.objects.filter(ref=ref).first()
    if stored is None:
        raise Refused(f"the model {ref} was put into the store by hand; add it with `yoake model add`")
    if versions.digest(found.folder) != stored.sha256:
        raise Refused(
            f"the files of the model {ref} were changed after it was added; remove its folder and add it again"
        )
    return stored


def _supervisor(actor: Actor) -> None:
    actor.must("models")
    if not actor.user_id:
        raise Refused("only a person can put a model into service; say who with --by")


def _rows(file: Path) -> Any:
    from yoake.learn.corpus import read_corpus

    return read_corpus([file])


def _store() -> Path:
    return Path(settings.YOAKE_MODELS)
