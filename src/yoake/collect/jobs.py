"""Offers of jobs as posts: schema.org JobPosting in a page, and the XML feeds that job boards hand to aggregators.

Sources: schema.org/JobPosting and Google's "Job posting structured data"; Indeed's "XML job feed" (fields of <job>).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from yoake.collect.clean import AUTHOR_LIMIT, claimed_time, is_id, whole_text
from yoake.collect.markup import local, visible_text
from yoake.collect.net import Response
from yoake.collect.web import FEED_WORDING, NETWORK, Row, address_of, entry_id, is_address, item_url, page_of

_MOST: Final = 200  # postings of one page
_DEEP: Final = 10_000  # things looked at in the data of one page
_TEXT: Final = 20_000  # characters of one field other than the description
# The words by which such things stand in an ordinary Japanese ad; detectors know them.
_UNITS: Final = {"HOUR": "時給", "DAY": "日給", "WEEK": "週給", "MONTH": "月給", "YEAR": "年収"}
_KINDS: Final = {
    "FULL_TIME": "正社員",
    "PART_TIME": "アルバイト・パート",
    "CONTRACTOR": "契約社員",
    "TEMPORARY": "派遣社員",
    "INTERN": "インターン",
    "VOLUNTEER": "ボランティア",
    "PER_DIEM": "日雇い",
    "OTHER": "その他",
}
_PLACE: Final = ("postalCode", "addressCountry", "addressRegion", "addressLocality", "streetAddress")


def postings_of_page(response: Response, zone: ZoneInfo | None, now: datetime) -> tuple[list[Row], list[str]]:
    """The job postings of a fetched page as rows of POSTS, and what was odd; ["no_job"] when it holds none."""
    page = page_of(response)
    if page is None:
        return [], ["not_a_page"]
    found = list(_postings(page.data))
    if not found:
        return [], ["no_job"]
    own = item_url(response.url, page.canonical)
    rows: dict[str, Row] = {}
    notes: list[str] = []
    for posting in found:
        claimed = _text(posting.get("url"))
        url = item_url(response.url, claimed) if is_address(claimed) else None
        if url is None or len(found) == 1:
            url = own  # one offer is its page
        ident = _identifier(posting)
        native = url if len(found) == 1 or url not in (None, own) else f"{own}#{ident}" if own and ident else None
        if native is None or url is None or native in rows or not is_id(native):
            notes.append("no_id")
            continue
        row = _row(posting, native, url, zone, now, notes)
        if row is not None:
            row["lang"] = row["lang"] or page.lang
            rows[native] = row
    return list(rows.values()), list(dict.fromkeys(notes))


def posting_of_feed(job: Element, feed_url: str, zone: ZoneInfo | None, now: datetime) -> tuple[Row | None, list[str]]:
    """A <job> of an XML feed to a row of POSTS and the notes on it, or None and why it is no post."""
    told = {local(child): "".join(child.itertext()).strip() for child in job}
    place = [told.get(name, "") for name in ("postalcode", "country", "state", "city", "streetaddress")]
    posting = {
        "title": told.get("title"),
        "description": told.get("description"),
        "hiringOrganization": {name: told.get(key) for name, key in _FEED_FIRM},
        "jobLocation": {"address": " ".join(part for part in place if part)},
        "baseSalary": told.get("salary"),
        "employmentType": told.get("jobtype"),
        "datePosted": told.get("date"),
        "experienceRequirements": told.get("experience"),
        "educationRequirements": told.get("education"),
        "occupationalCategory": told.get("category"),
    }
    native = entry_id(feed_url, told.get("url", ""), told.get("referencenumber", ""))
    if not native:
        return None, ["no_id"]
    notes: list[str] = []
    row = _row(posting, native, address if is_address(address := address_of(native)) else "", zone, now, notes)
    if row is not None:
        row["labels"] = [FEED_WORDING]
    return row, list(dict.fromkeys(notes))


_FEED_FIRM: Final = (("name", "company"), ("email", "email"), ("telephone", "phone"))


def _postings(data: tuple[Any, ...]) -> Iterator[Mapping[str, Any]]:
    """JobPosting nodes, however deep they stand (@graph, lists, mainEntity)."""
    waiting, seen, found = list(data), 0, 0
    while waiting and seen < _DEEP and found < _MOST:
        thing = waiting.pop(0)
        seen += 1
        if isinstance(thing, dict):
            if "JobPosting" in [str(kind).rpartition("/")[2] for kind in _listed(thing.get("@type"))]:
                found += 1
                yield thing
            else:
                waiting += thing.values()
        elif isinstance(thing, list):
            waiting += thing


def _row(
    posting: Mapping[str, Any], native: str, url: str, zone: ZoneInfo | None, now: datetime, notes: list[str]
) -> Row | None:
    firm = next((part for part in _listed(posting.get("hiringOrganization")) if isinstance(part, dict)), {})
    name = _text(firm.get("name")) or _text(posting.get("hiringOrganization"))
    lines = [
        _text(posting.get("title")) or _text(posting.get("name")),
        *_labelled("会社名", name),
        *_labelled("所在地", _places(firm.get("address"))),
        *_labelled(
            "連絡先", " ".join(dict.fromkeys([*_contacts(firm), *_contacts(posting.get("applicationContact"))]))
        ),
        *_labelled("勤務地", _places(posting.get("jobLocation"))),
        *_labelled("勤務地", "在宅" if "TELECOMMUTE" in _listed(posting.get("jobLocationType")) else ""),
        *_labelled("給与", _pay(posting.get("baseSalary"))),
        *_labelled("雇用形態", "、".join(_KINDS.get(kind, kind) for kind in _texts(posting.get("employmentType")))),
        *_labelled("勤務時間", _text(posting.get("workHours"))),
        *_labelled("職種", _text(posting.get("occupationalCategory")) or _text(posting.get("industry"))),
        *_labelled("応募資格", _text(posting.get("qualifications")) or _text(posting.get("experienceRequirements"))),
        *_labelled("学歴", _text(posting.get("educationRequirements"))),
        *_labelled("待遇", _text(posting.get("jobBenefits")) or _text(posting.get("incentiveCompensation"))),
    ]
    description = posting.get("description")
    body = visible_text(description) if isinstance(description, str) else ""
    if body:
        lines.append(f"仕事内容: {body}")
    if not body and not lines[0]:
        notes.append("no_text")
        return None
    link = _text(firm.get("sameAs")) or _text(firm.get("url"))
    image = _text(posting.get("image"))
    return {
        "network": NETWORK,
        "native_id": native,
        "url": url,
        "author_id": link if is_address(link) and is_id(link, AUTHOR_LIMIT) else "",
        "author_name": whole_text(name[:AUTHOR_LIMIT], notes),
        "text": whole_text("\n".join(line for line in lines if line), notes),
        "lang": whole_text(_text(posting.get("inLanguage"))[:35], notes),
        "images": [{"ref": image, "alt": ""}] if is_address(image) else [],
        "posted_at": _time(_text(posting.get("datePosted")), zone, now, notes),
        "seen_at": now,
    }


def _labelled(label: str, text: str) -> list[str]:
    return [f"{label}: {text}"] if text else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    """The first text of a value, as a reader sees it, on one line."""
    for told in _listed(value):
        part = told.get("@value", told.get("name", told.get("@id"))) if isinstance(told, dict) else told
        if isinstance(part, str) and part.strip():
            text = part[:_TEXT]
            return " ".join((visible_text(text) if "<" in text or "&" in text else text).split())
        if isinstance(part, (int, float)) and not isinstance(part, bool):
            return f"{part:,}" if isinstance(part, int) else f"{part:,.10g}"
    return ""


def _texts(value: Any) -> list[str]:
    return [text for part in _listed(value)[:20] if (text := _text(part))]


def _places(value: Any) -> str:
    """Addresses of a place, of a list of places, or of an address itself."""
    found: list[str] = []
    for part in _listed(value)[:20]:
        if isinstance(part, dict):
            inner = part.get("address", part if "streetAddress" in part or "addressLocality" in part else None)
            if isinstance(inner, dict):
                words = [_text(inner.get(name)) for name in _PLACE]
                found.append("".join(word for word in words if word and word not in ("JP", "日本", "Japan")))
            else:
                found.append(_text(inner) or _text(part.get("name")))
        else:
            found.append(_text(part))
    return "、".join(dict.fromkeys(text for text in found if text))


def _contacts(value: Any, deep: int = 2) -> list[str]:
    """Telephones and mail addresses of an organisation or a contact point."""
    found: list[str] = []
    for part in _listed(value)[:5]:
        if isinstance(part, dict):
            found += [text for name in ("telephone", "email") if (text := _text(part.get(name)))]
            found += _contacts(part.get("contactPoint"), deep - 1) if deep else []
    return list(dict.fromkeys(found))


def _pay(value: Any) -> str:
    if isinstance(value, list):
        return "、".join(pay for part in value[:5] if (pay := _pay(part)))
    if not isinstance(value, dict):
        return _text(value)
    currency = _text(value.get("currency"))
    inner = value.get("value")
    amount = inner if isinstance(inner, dict) else value
    least, most = _text(amount.get("minValue")), _text(amount.get("maxValue"))
    told = f"{least}〜{most}" if least or most else _text(amount.get("value"))
    unit = _text(amount.get("unitText")) or _text(value.get("unitText"))
    if not told:
        return ""
    yen = currency in ("JPY", "")
    return f"{_UNITS.get(unit.upper(), unit)}{told}{'円' if yen else f' {currency}'}"


def _identifier(posting: Mapping[str, Any]) -> str:
    told = posting.get("identifier")
    return _text(told.get("value")) if isinstance(told, dict) else _text(told)


def _time(told: str, zone: ZoneInfo | None, now: datetime, notes: list[str]) -> datetime | None:
    if not told:
        return None
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return claimed_time(told, now, notes)
    if at.tzinfo is None and zone is not None:
        at = at.replace(tzinfo=zone)
    return claimed_time(at.isoformat(), now, notes)
