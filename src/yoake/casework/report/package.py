"""What a recipient gets: the facts of the cover sheet, the sheet as PDF, and the package that a person hands over."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case, Decision
from yoake.casework.due import TOKYO
from yoake.casework.evidence.models import Evidence
from yoake.casework.evidence.queries import evidence_of, sealed_of
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import shown_as
from yoake.casework.registers.queries import Listed
from yoake.casework.report import said
from yoake.casework.report.recipient import EMAIL, Reason
from yoake.casework.wording.letters import head_of
from yoake.papers import pdf
from yoake.tables.cells import harmless

COVER: Final = "cover.pdf"
BAG: Final = "evidence.zip.age"  # age-encryption.org/v1
_ITEMS: Final = "items.csv"
_FACTS: Final = "report.json"


def facts_of(
    case: Case,
    decision: Decision,
    body: Listed,
    reasons: tuple[Reason, ...],
    *,
    slug: str,
    number: str,
    channel: str,
    reason: str,
    urgent: bool,
    by: User,
    now: datetime,
) -> dict[str, Any]:
    """What a report says, as an approver reads it and as the cover sheet takes it, under the category `slug`.

    Articles that nobody verified are left out; a person stands as their staff number; of the post only its address, service
    and time are told, and what the reason quotes. Author and text are in the evidence, which is encrypted.
    """
    language, known = body.language, category(slug)
    head, office = head_of(case.organisation_id), Organisation.objects.get(pk=case.organisation_id)
    name = known.name.en if language == "en" else known.name.ja
    sealed = sealed_of(case)
    attached = channel != EMAIL and bool(body.verified("public_key")) and sealed is not None
    return {
        "language": language,
        "number": number,
        "urgent": urgent,
        "recipient": body.name_en if language == "en" else body.name_ja,
        "organisation": (head.name_en if language == "en" else head.name_ja) if head is not None else office.name,
        "telephone": head.telephone if head is not None else "",
        "by": shown_as(by),
        "made_at": _time(now),
        "url": case.post.url or case.post.native_id,
        "network": said.network_name(case.post.network),
        "category": name,
        "hotline_class": said.class_name(decision.hotline_class, language),
        "posted_at": _time(case.post.posted_at),
        "seen_at": _time(case.post.first_seen_at),
        "legal_basis": [
            f"{basis.act.en if language == 'en' else basis.act.ja} {basis.article}"
            for basis in known.legal_basis
            if basis.verified
        ],
        "reason": reason,
        "why": said.reasons(reasons, language),
        "evidence": said.evidence(
            sealed.number if sealed is not None else "",
            sealed.digest if sealed is not None else "",
            language,
            attached=attached,
            mail=channel == EMAIL,
            being_sealed=sealed is None and being_sealed(case),
        ),
        "attached": attached,
    }


def being_sealed(case: Case) -> bool:
    """Whether evidence of a case was captured and is not sealed yet: that takes some minutes after the decision."""
    row = evidence_of(case)
    return row is not None and row.state == Evidence.State.PROVISIONAL


def cover(facts: dict[str, Any], at: datetime) -> bytes:
    """The cover sheet as PDF."""
    return pdf("report", facts, at)


def packed(facts: dict[str, Any], bag: bytes | None, at: datetime) -> bytes:
    """The package, a ZIP: the cover sheet, the item's address as CSV, the facts as JSON, the encrypted bag, checksums."""
    addresses = io.StringIO()
    rows = csv.writer(addresses, lineterminator="\r\n")
    rows.writerow(["report", "url", "network", "category", "posted_at", "seen_at"])
    rows.writerow([harmless(facts[name]) for name in ("number", "url", "network", "category", "posted_at", "seen_at")])
    files = {
        COVER: cover(facts, at),
        _ITEMS: addresses.getvalue().encode("utf-8-sig"),  # so that spreadsheets read Japanese
        _FACTS: json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).encode(),
    }
    if bag is not None:
        files[BAG] = bag
    sums = "".join(f"{sha256(octets).hexdigest()}  {name}\n" for name, octets in sorted(files.items()))
    files["sha256.txt"] = sums.encode()
    when = at.astimezone(TOKYO).timetuple()[:6]
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as package:
        for name, octets in files.items():
            package.writestr(zipfile.ZipInfo(name, when), octets, zipfile.ZIP_DEFLATED)
    return into.getvalue()


def _time(at: datetime | None) -> str:
    return at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M JST") if at is not None else ""
