"""A post as an X-ARF report, version 4: what a provider's machine reads beside the letter.

Source: the public specification (xarf.org, github.com/xarf/xarf-spec, schemas/v4: core, content-base and its types). It
knows no type for crime recruitment: of its `fraud_type` the nearest is said, and the description says what it is.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

VERSION: Final = "4.0.0"
_DESCRIPTION_LONGEST: Final = 1000
_ORG_LONGEST: Final = 200
_FRAUD: Final[Mapping[str, str]] = {
    "criminal_recruitment": "employment",
    "side_job_scam_lure": "employment",
    "investment_romance_lure": "investment",
    "unregistered_lending": "advance_fee",
    "disaster_misinformation": "charity",
}


def report(
    item: Mapping[str, Any], *, slug: str, key: str, organisation: str, contact: str, seen_at: datetime, now: datetime
) -> dict[str, Any]:
    """One X-ARF report.

    Args:
        item: a row of `facts.items`: url, category_en, reason_en, evidence, digest.
        slug: the category.
        key: of it the report's id is made, so that the same request has the same.
        organisation: who reports.
        contact: the mailbox that writes.
        seen_at: when the post was seen; the timestamp.
        now: when somebody last looked at it.
    """
    who = {"org": organisation[:_ORG_LONGEST], "contact": contact, "domain": contact.rpartition("@")[2].lower()}
    host = _host(item["url"])
    made: dict[str, Any] = {
        "xarf_version": VERSION,
        "report_id": str(uuid.UUID(bytes=sha256(f"xarf\0{key}\0{item['case']}".encode()).digest()[:16], version=4)),
        "timestamp": _time(seen_at),
        "reporter": who,
        "sender": who,
        "source_identifier": host,
        "category": "content",
        "type": "fraud",
        "fraud_type": _FRAUD.get(slug, "other"),
        "url": item["url"],
        "domain": host,
        "verified_at": _time(now),
        "verification_method": "manual",
        "evidence_source": "researcher_analysis",
        "description": f"May fall under: {item['category_en']}. {item['reason_en']}".strip()[:_DESCRIPTION_LONGEST],
        "evidence": [_evidence(item)],
        "tags": [f"yoake:{slug.replace('_', '-')}"],
    }
    return made


def attachment(made: Mapping[str, Any], case: int) -> dict[str, str]:
    """The report as a mail carries it."""
    octets = json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True).encode()
    return {"name": f"xarf-{case}.json", "type": "application/json", "base64": base64.b64encode(octets).decode()}


def _host(url: str) -> str:
    """The host as machines write it; as it stands where that has no such form, for example too long a label."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _evidence(item: Mapping[str, Any]) -> dict[str, Any]:
    """Not the evidence itself: that it was sealed, and the digest under which it is known."""
    said = f"Evidence {item['evidence']} is sealed; SHA-256 of its manifest: {item['digest']}".encode()
    return {
        "content_type": "text/plain",
        "description": "Statement that evidence was sealed before this report",
        "payload": base64.b64encode(said).decode(),
        "hash": f"sha256:{sha256(said).hexdigest()}",
        "size": len(said),
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
