"""Which pictures may be kept of a case: never of somebody at risk, never adult ones, never what may show a child with sex."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from yoake.casework.cases.categories import categories
from yoake.casework.cases.looks import texts_of
from yoake.casework.cases.models import Case, PostVersion, SecondLook
from yoake.casework.cases.second_looks import is_plea
from yoake.detect.protected import ABOUT_MINORS, MINOR_AND_SEX, why_not

MOST_PICTURES: Final = 8  # of a version
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def why_none(case: Case, version: PostVersion, decided: str = "") -> str:
    """Why no picture of a version may be fetched or kept: a code; "" when nothing speaks against it.

    Args:
        case: with what detectors made of it.
        version: what the post said.
        decided: the category somebody decided it under; "" before.
    """
    known = categories()
    found = [dict(one) for one in version.findings.values("category", "grade", "score", "shadow")]
    slugs = {decided, case.category}
    if case.at_risk or is_plea(found) or any(slug in known and known[slug].at_risk for slug in slugs):
        return "at_risk"
    if ABOUT_MINORS & {*slugs, *(one["category"] for one in found)}:
        return MINOR_AND_SEX
    if any(slug in known and known[slug].record_only for slug in slugs):
        return "record_only"
    if SecondLook.objects.filter(version=version, outcome=MINOR_AND_SEX).exists():  # read in the picture itself
        return MINOR_AND_SEX
    row = {"text": version.text, "profile": version.profile, "parent_text": version.parent_text}
    if reason := why_not(version.labels, texts_of({**row, "images": version.images})):
        return reason
    return "" if settings.ENVIRONMENT.evidence_pictures else "off"


def kind_of(octets: bytes) -> str:
    """The ending of a picture's file name, by how its octets begin; "" for what is none of the kinds that are kept.

    Nothing is unpacked: whoever opens a picture that a stranger made does so knowing it.
    """
    for beginning, kind in _BEGINNINGS:
        if octets.startswith(beginning):
            return kind
    return "webp" if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP" else ""
