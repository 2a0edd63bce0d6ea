"""From a sealed box to a bag: what is checked before it leaves, the audit entry beside it, the cover sheet on top."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_noop

from yoake import papers
from yoake.casework.audit.models import Entry
from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.models import Case
from yoake.casework.evidence import bags
from yoake.casework.evidence.boxes import read_box
from yoake.casework.evidence.canonical import canonical, moment
from yoake.casework.evidence.keys import key_of
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, shown_as
from yoake.detect.category import LegalBasis
from yoake.errors import BadInput, Refused

CASE: Final = "case.json"  # in a box; without it nothing is sealed
SEAL: Final = "seal/"  # in a box: what stands beside the manifest
_CLASSES: Final = {
    "illegal": gettext_noop("illegal information"),
    "serious_crime_related": gettext_noop("closely related to serious crimes"),
    "suicide_inducing": gettext_noop("suicide-inducing information"),
    "harmful": gettext_noop("harmful information"),
    "at_risk": gettext_noop("person at risk"),
    "record_only": gettext_noop("record only"),
}
WHY_NOT: Final = {
    "at_risk": gettext_noop("pictures: the writer may be in danger"),
    "minor_and_sex": gettext_noop("pictures: they may show a child"),
    "adult_label": gettext_noop("pictures: adult content"),
    "record_only": gettext_noop("pictures: recorded only"),
    "off": gettext_noop("pictures: this office does not keep any"),
    "gone": gettext_noop("the post was gone when it was asked for"),
    "not_there": gettext_noop("a picture that was not there any more"),
    "unreachable": gettext_noop("what the network did not answer in time"),
    "refused": gettext_noop("what the network did not hand out"),
    "no_source": gettext_noop("what no source can be asked for"),
    "no_way": gettext_noop("what its source cannot be asked for"),
    "source_off": gettext_noop("what its source cannot be asked for"),
    "not_asked": gettext_noop("what the network was not asked for"),
    "too_big": gettext_noop("a picture that was too big"),
    "too_many": gettext_noop("more pictures than are kept of a post"),
    "wrong_type": gettext_noop("a picture of another kind"),
}


def payload_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is sealed, by its path in a bag."""
    return {f"data/{name}": octets for name, octets in files.items() if not name.startswith(SEAL)}


def packed(row: Evidence, case: Case, actor: Actor, language: str, now: datetime) -> bytes:
    """A bag of sealed evidence. Raises Refused when what is inside is not what was sealed, BadInput for another language."""
    if language not in ("ja", "en"):
        raise BadInput("language", language, "ja or en")
    files = whole(row)
    payload = payload_of(files)
    seal = {name: octets for name, octets in files.items() if name.startswith(SEAL)}
    entry = Entry.objects.filter(pk=row.entry).first()
    if entry is None:
        raise Refused(f"the audit entry of evidence {row.number} is missing: the chain is not whole")
    seal[bags.AUDIT] = audit_record(entry)
    by = User.objects.filter(pk=actor.user_id).first()
    told = {**_cover(row, case, payload, language), "made_at": _clock(now), "by": shown_as(by) if by else actor.name}
    cover = papers.pdf("evidence", {**told, "language": language, "audit_hash": entry.hash}, now)
    info = {"Source-Organization": case.organisation.name, "Bagging-Date": f"{now.astimezone(TOKYO):%Y-%m-%d}"}
    return bags.pack(row.number, payload, {**seal, bags.COVER: cover}, info)


def whole(row: Evidence) -> dict[str, bytes]:
    """What is inside sealed evidence. Raises Refused when it is not what was sealed."""
    files = read_box(row, key_of(row))
    if sha256(bags.manifest_of(payload_of(files))).hexdigest() != row.digest:
        raise Refused(f"what is inside evidence {row.number} is not what was sealed; call an administrator")
    return files


def audit_record(entry: Entry) -> bytes:
    """An entry of the chain as it stands in a bag; whoever has it can compute its hash."""
    names = ("kind", "actor", "organisation", "subject", "facts", "before", "hash")
    return canonical({"id": entry.pk, "at": moment(entry.at), **{name: getattr(entry, name) for name in names}})


def _cover(row: Evidence, case: Case, payload: Mapping[str, bytes], language: str) -> dict[str, Any]:
    """The facts of the cover sheet: of the version that was judged, as it stands in the bag."""
    told = json.loads(payload[bags.CASE])
    judged = told["decided"]["version"] or len(told["versions"])
    post = json.loads(payload[f"data/versions/{judged}.json"])
    decided = next(one for one in told["decisions"] if one["id"] == told["decided"]["decision"])
    known = categories().get(decided["category"])
    with translation.override(language):
        left_out = dict.fromkeys(told["fetched"].values())
        return {
            "number": row.number,
            "organisation": case.organisation.name,
            "url": post["url"] or post["native_id"],
            "network": post["network"],
            "author": post["author"]["name"],
            "handle": post["author"]["handle"] or post["author"]["id"],
            "posted_at": _clock(_at(post["posted_at"])),
            "text": post["text"],
            "profile": post["profile"],
            "parent_text": post["parent_text"],
            "category": getattr(known.name, language) if known else decided["category"],
            "hotline_class": gettext(_CLASSES.get(decided["class"], decided["class"])) if decided["class"] else "",
            "legal_basis": "\n".join(
                _article(basis, language)
                for basis in (known.legal_basis if known else ())
                if basis.verified  # an article that nobody checked appears in no text that leaves the building
            ),
            "reason": decided["reason"],
            "decided_at": _clock(_at(decided["at"])),
            "decided_by": decided["by"],
            "captured_at": _clock(_at(told["captured_at"])),
            "sealed_at": _clock(row.sealed_at),
            "digest": row.digest,
            "audit_entry": str(row.entry),
            "stamp": f"{_clock(row.stamped_at)}　{row.stamped_by}" if row.stamped_at else "",
            "missing": [gettext(WHY_NOT[code]) for code in left_out if code in WHY_NOT],
            "files": [
                {"name": path, "octets": len(octets), "sha256": sha256(octets).hexdigest()}
                for path, octets in sorted(payload.items())
            ],
        }


def _article(basis: LegalBasis, language: str) -> str:
    """An article as offices write it: 職業安定法第5条の4; Employment Security Act, Article 5-4."""
    told = re.fullmatch(r"(\d+)(?:-(\d+))?(?:\((\d+)\))?", basis.article)
    if language == "en" or told is None:
        return f"{getattr(basis.act, language)}{', Article ' if language == 'en' else ' '}{basis.article}"
    number, branch, paragraph = told.groups()
    tail = (f"の{branch}" if branch else "") + (f"第{paragraph}項" if paragraph else "")
    return f"{basis.act.ja}第{number}条{tail}"


def _at(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def _clock(at: datetime | None) -> str:
    return "" if at is None else f"{timezone.localtime(at, TOKYO):%Y-%m-%d %H:%M:%S} (JST)"
