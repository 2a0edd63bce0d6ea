"""Grounds of a request: what the ticked elements say, and, after a refusal, what speaks beyond the wording of one post.

Of other cases only their number is told: never who wrote what, or where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet

from yoake.casework.cases.categories import category
from yoake.casework.cases.elements import reason_in
from yoake.casework.cases.hold_keys import ANY_APP, contact_form, key_of, phone_form
from yoake.casework.cases.models import Case, Decision, Finding, HoldKey, PostVersion
from yoake.casework.cases.queries import standing_decision
from yoake.casework.registers.queries import TERMS, Listed
from yoake.casework.wording.checks import must_name_verified_articles
from yoake.detect.text.extraction import extract
from yoake.errors import BadInput, Refused

REASON_LONGEST: Final = 2000
SAME_CONTACT, SAME_TEXT, MISSING, TERM = "same_contact", "same_text", "missing", "term"
MORE: Final = (SAME_CONTACT, SAME_TEXT, MISSING, TERM)
_ITEMS: Final[Mapping[str, tuple[str, str]]] = {  # of a job ad, Employment Security Act 5-4 (domain notes, section 4)
    "recruiter": ("募集者の氏名又は名称", "name of the recruiter"),
    "address": ("住所", "address"),
    "contact": ("連絡先", "contact"),
    "work": ("業務内容", "work"),
    "workplace": ("就業場所", "workplace"),
    "wage": ("賃金", "wage"),
}
_SAID: Final = {
    "ja": {
        "head": "前回のお願いに加えて、次の点をお知らせします。",
        SAME_CONTACT: "同じ連絡先を記載した投稿が、本件のほかに{n}件、同様の事案と判断されています。",
        SAME_TEXT: "本件とほぼ同じ文面の投稿が、本件のほかに{n}件、同様の事案と判断されています。",
        MISSING: "求人に示すべき事項のうち、次のものが投稿に見当たりません:{items}",
        TERM: "貴社の規約の次の定めに触れる可能性があります:{term}",
    },
    "en": {
        "head": "In addition to our first request, please note the following.",
        SAME_CONTACT: "The same contact stands in {n} further posts that our staff judged to be of the same kind.",
        SAME_TEXT: "Nearly the same text stands in {n} further posts that our staff judged to be of the same kind.",
        MISSING: "Of what a job ad must show, these cannot be found in the post: {items}",
        TERM: "It may break this term of your own: {term}",
    },
}


@dataclass(frozen=True)
class More:
    """What speaks for a second request beyond the wording; of other cases their number alone."""

    same_contact: int = 0  # further confirmed cases of the organisation
    same_text: int = 0
    missing: tuple[str, ...] = ()  # names of items of a job ad
    term: str = ""  # the provider's own, as somebody confirmed it

    def known(self) -> tuple[str, ...]:
        """The codes for which there is something to say."""
        return tuple(code for code in MORE if getattr(self, code))

    def row(self, codes: Sequence[str]) -> dict[str, Any]:
        """What a request keeps: codes, counts and names of items."""
        told = {SAME_CONTACT: self.same_contact, SAME_TEXT: self.same_text, MISSING: list(self.missing), TERM: True}
        return {code: told[code] for code in codes}

    def text(self, codes: Sequence[str], language: str) -> str:
        """The chosen grounds as a paragraph."""
        said, at = _SAID[language], 1 if language == "en" else 0
        items = (", " if at else "、").join(_ITEMS[name][at] for name in self.missing if name in _ITEMS)
        lines = []
        for code in codes:
            n = {SAME_CONTACT: self.same_contact, SAME_TEXT: self.same_text}.get(code, 0)
            lines.append(f"・{said[code].format(n=n, items=items, term=self.term)}")
        return "\n".join((said["head"], *lines))


def standing(case: Case) -> Decision:
    """The decision in scope that holds. Raises Refused while there is none."""
    found = standing_decision(list(case.decisions.select_related("version").order_by("at", "pk")))
    judged = case.state in (Case.State.DECIDED, Case.State.CLOSED)
    if found is None or not judged or found.verdict != Decision.Verdict.IN_SCOPE:
        raise Refused("only of a case that stands in scope something is requested; a person decides it first")
    return found


def proposed(case: Case, decision: Decision, language: str) -> str:
    """What the ticked elements say, in Japanese or English; where none is ticked, the decision's own reason."""
    return reason_in(language, decision, decision.version if decision.version_id else case.post.current)


def sound(reason: str, slug: str) -> str:
    """The reason as it leaves. Raises BadInput for none, one too long, or one that names an article that nobody verified."""
    reason = reason.replace("\r\n", "\n").strip()
    if not reason:
        raise BadInput("reason", "", "why, in a sentence that the provider can follow")
    if len(reason) > REASON_LONGEST:
        raise BadInput("reason", reason[:40], f"at most {REASON_LONGEST} characters")
    must_name_verified_articles(category(slug), "reason", reason)
    return reason


def more_of(case: Case, decision: Decision, body: Listed) -> More:
    """What can be said beyond the wording of a case: counts of the organisation's own cases that stand in scope."""
    version = case.post.current
    if version is None:
        return More(term=body.verified(TERMS))
    return More(
        same_contact=_same_contact(case, version),
        same_text=_same_text(case, decision, version),
        missing=_missing(version, decision.category),
        term=body.verified(TERMS),
    )


def _confirmed(case: Case) -> QuerySet[Case]:
    """The organisation's other cases that a person found in scope, and that stand so."""
    judged = (Case.State.DECIDED, Case.State.CLOSED)
    others = Case.objects.filter(organisation_id=case.organisation_id, practice=False, state__in=judged)
    stands = Q(decisions__verdict=Decision.Verdict.IN_SCOPE, decisions__undone_by=None)
    return others.filter(stands).exclude(pk=case.pk).exclude(post=case.post_id).distinct()


def _same_contact(case: Case, version: PostVersion) -> int:
    forms = set()
    for one in (*extract(version.text), *extract(version.profile)):
        if one.kind == "phone":
            forms.add(phone_form(one.value))
        elif one.kind == "contact":
            app, colon, name = one.value.partition(":")
            named = colon and not one.value.startswith("@")
            if named and app != "id":
                forms.add(contact_form(app, name))
            else:  # no app is named: whichever it belongs to
                forms.add(contact_form(ANY_APP, name if named else one.value))
    if not forms:
        return 0
    posts = HoldKey.objects.filter(key__in=[key_of(form) for form in forms]).exclude(post=None).values("post_id")
    return _confirmed(case).filter(post__in=posts).count()


def _same_text(case: Case, decision: Decision, version: PostVersion) -> int:
    """Cases that say the same to the letter, and those decided together with it after people saw what differs."""
    same = Q(post__current__content_hash=version.content_hash)
    if decision.batch:
        same |= Q(decisions__batch=decision.batch)
    return _confirmed(case).filter(same).count()


def _missing(version: PostVersion, slug: str) -> tuple[str, ...]:
    """Items of a job ad that a detector did not find, where the category is one of job ads."""
    if not category(slug).job_ad:
        return ()
    found = Finding.objects.filter(version=version, category=slug, shadow=False).order_by("-score", "-pk")
    for finding in found:
        if missing := (finding.body.get("items") or {}).get("missing"):
            return tuple(name for name in _ITEMS if name in missing)
    return ()
