"""Why this one? One finding taken apart: what speaks for it and against it, what it is like, what would have changed it.

What would have changed it is judged anew when the page is opened, by the detector on duty, each time with something taken
away or added; so it is true of the detector of today, and the page says so when that is not the one that spoke.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_safe

from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Finding, PostVersion
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.seen import note_seen
from yoake.casework.people.queries import Actor
from yoake.console import marks, words
from yoake.console.case import FieldShown, FindingShown, fields_shown, in_words, post_lang, texts_of
from yoake.console.page import page, staff_page
from yoake.detect.counterfactual import Change, would_change
from yoake.detect.text.items import ITEMS
from yoake.errors import BadInput
from yoake.tables.findings import LOW

_HARDLY = 0.15  # log-odds that change nothing a person would notice
_BAR = 100  # width of the longest bar
_ALIKE, _VERY_ALIKE = 0.35, 0.65  # likeness


@dataclass(frozen=True)
class Weighed:
    """A piece of evidence with the bar that shows its weight."""

    reason: marks.Reason
    width: int  # 1 to 100


@dataclass(frozen=True)
class NearestShown:
    """The invented example that the post is most like."""

    text: str
    verdict: str  # what holds of it
    alike: str
    likeness: float


@dataclass(frozen=True)
class Why:
    """Everything that is told about one finding."""

    shown: FindingShown
    fields: dict[str, FieldShown]
    evidence: list[Weighed]
    steps: list[str]  # how the score comes about, in sentences
    changes: list[str]  # what would have changed it, in sentences
    absent: list[str]  # elements that an analyst would tick, and cannot
    job_ad: bool
    nearest: NearestShown | None


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, case_id: int, finding_id: int) -> HttpResponse:
    """The page about one finding of a case."""
    view = case_view(actor, case_id)
    note_seen(actor, view.case)
    finding = next((one for one in view.findings if one.pk == finding_id), None)
    if finding is None or view.version is None:
        raise BadInput("case", case_id, gettext("there is no such finding"))
    erased = view.case.post.erased_at is not None
    others = [one for one in view.findings if one.pk != finding.pk]
    return page(
        request,
        actor,
        "yoake/why.html",
        {
            "case": view.case,
            "desk": "practice" if view.case.practice else "live",
            "erased": erased,
            "post_lang": post_lang(view.version),
            "why": _why(finding, view.version, erased=erased),
            "others": [in_words(one) for one in others if not one.shadow],
            "shadow": [in_words(one) for one in others if one.shadow],
        },
    )


def _why(finding: Finding, version: PostVersion, *, erased: bool) -> Why:
    shown = in_words(finding)
    spans = list(finding.body.get("spans", ()))
    evidence = [] if erased else marks.reasons([(finding.category, span) for span in spans], texts_of(version))
    heaviest = max((abs(reason.weight) for reason, _start, _end in evidence), default=0.0) or 1.0
    ordered = sorted((reason for reason, _start, _end in evidence), key=lambda r: (-r.weight, r.number))
    known = categories().get(finding.category)
    ticked = {element["name"] for element in finding.body.get("elements", ())}
    items = finding.body.get("items") or {}
    looked_for = known.elements if known and not erased and not words.detector_name(finding.detector) else ()
    return Why(
        shown=shown,
        fields={} if erased else fields_shown(version, evidence),
        evidence=[Weighed(one, max(1, round(_BAR * abs(one.weight) / heaviest))) for one in ordered],
        steps=_steps(finding, [float(span["weight"]) for span in spans]),
        changes=[shown.counter] if erased else _changes(finding, version, shown),
        absent=[words.element_name(finding.category, one.name) for one in looked_for if one.name not in ticked],
        job_ad=len(items.get("present") or ()) + len(items.get("missing") or ()) >= len(ITEMS),
        nearest=_nearest(finding.body.get("nearest")),
    )


def _steps(finding: Finding, weights: list[float]) -> list[str]:
    """How the score comes about, without a formula."""
    n_for, n_against = sum(weight > 0 for weight in weights), sum(weight < 0 for weight in weights)
    steps = [
        gettext("Before reading, it takes such a post to be unlikely.")
        if finding.base < 0
        else gettext("It starts from its own overall judgement.")
    ]
    if n_for:
        steps.append(
            ngettext(
                "%(n)d marked place speaks for it.", "%(n)d marked places speak for it.", n_for
            ) % {"n": n_for}
        )  # fmt: skip
    if n_against:
        steps.append(
            ngettext(
                "%(n)d marked place speaks against it.", "%(n)d marked places speak against it.", n_against
            ) % {"n": n_against}
        )  # fmt: skip
    if finding.rest > _HARDLY:
        steps.append(gettext("How this fits together, and the rest of the post, speak for it."))
    elif finding.rest < -_HARDLY:
        steps.append(gettext("How this fits together, and the rest of the post, speak against it."))
    else:
        steps.append(gettext("The rest of the post changes next to nothing."))
    steps.append(
        gettext("All together: %(grade)s, %(score)s on a scale from 0 to 1.")
        % {"grade": words.grade_name(finding.grade), "score": words.score(finding.score)}
    )
    return steps


def _changes(finding: Finding, version: PostVersion, shown: FindingShown) -> list[str]:
    """What would have changed it, in sentences; by judging again where the detector on duty is the one that spoke."""
    known = categories().get(finding.category)
    if known is None or finding.shadow or words.detector_name(finding.detector):
        return [shown.counter] if shown.counter else []
    post = version.post
    row = {"network": post.network, "native_id": post.native_id, "seen_at": version.seen_at, "lang": version.lang}
    found = would_change(
        serving_detector(), {**row, **texts_of(version)}, known, finding.body.get("spans", ())
    )  # fmt: skip
    was_queued = finding.grade != LOW
    if found.queued != was_queued:
        return [
            gettext("The detector of today would not bring this post here for this category.")
            if was_queued
            else gettext("The detector of today would bring this post here for this category.")
        ]
    return _told(found, known.slug) or ([shown.counter] if shown.counter else [])


def _told(found: Change, slug: str) -> list[str]:
    said = []
    if found.without and found.hardly_left:
        said.append(
            gettext("It came here for nearly all of its words: what else stands in it would not have brought it here.")
        )
    elif found.without:
        said.append(
            gettext("Without %(words)s it would not have come here for this category.")
            % {"words": _quoted(found.without)}
        )
    elif found.queued:
        said.append(
            gettext("No one, two or three of the marked places decide it: without them it would still be here.")
        )
    if found.only_context:
        said.append(gettext("Without %(words)s it would have come here.") % {"words": _quoted(found.only_context)})
    for frame, added in found.contexts:
        said.append(
            gettext("If %(words)s also stood there (%(context)s), it would not have come here for this category.")
            % {"words": _quoted((added,)), "context": words.frame_name(slug, frame)}
        )
    return said


def _quoted(listed: tuple[str, ...]) -> str:
    return gettext(", ").join(gettext("“%(word)s”") % {"word": " ".join(word.split())} for word in listed)


def _nearest(nearest: dict[str, Any] | None) -> NearestShown | None:
    if not nearest or not nearest.get("text"):
        return None
    likeness, label = float(nearest["likeness"]), str(nearest.get("label") or "")
    if likeness >= _VERY_ALIKE:
        alike = gettext("very much alike")
    else:
        alike = gettext("alike") if likeness >= _ALIKE else gettext("a little alike")
    verdict = gettext("an example of what does not belong here") if label == "none" else words.category_name(label)
    return NearestShown(nearest["text"], verdict, alike, likeness)
