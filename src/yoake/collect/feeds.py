"""Feeds to posts: RSS 0.9 to 2.0, RSS 1.0 (RDF), Atom, JSON Feed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

import orjson

from yoake.collect.clean import AUTHOR_LIMIT, claimed_time, is_id, whole_text
from yoake.collect.markup import NotXml, elements, local, visible_text
from yoake.collect.trouble import http_date
from yoake.collect.web import NETWORK, Row, address_of, entry_id, is_address
from yoake.errors import TryLater

_ENTRIES: Final = ("item", "entry")
_ROOTS: Final = ("rss", "rdf", "feed")
_DELETED: Final = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"  # RFC 6721
_CONTENT: Final = "{http://purl.org/rss/1.0/modules/content/}encoded"
_DUBLIN: Final = "{http://purl.org/dc/elements/1.1/}"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_MEDIA_SPACE: Final = "{http://search.yahoo.com/mrss/}"
_MEDIA: Final = f"{_MEDIA_SPACE}content"
_IMAGES: Final = 20


class Odd(NamedTuple):
    """Something that could not be read as it was."""

    reason: str
    where: str
    kept: bool  # the post went on all the same
    of: str  # what the entry said: the same when the feed brings it again


@dataclass
class Feed:
    """What a feed brought, in its order."""

    rows: list[Row] = field(default_factory=list)  # rows of POSTS
    removed: list[str] = field(default_factory=list)  # native_ids
    skipped: list[Odd] = field(default_factory=list)


@dataclass
class _Item:
    """One entry as its feed tells it, before anything was checked."""

    id: str = ""
    link: str = ""
    title: str = ""
    html: str = ""
    author: str = ""
    author_uri: str = ""
    lang: str = ""
    at: str = ""
    images: list[tuple[str, str]] = field(default_factory=list)  # address, media type


def read_feed(body: bytes, content_type: str, url: str, now: datetime) -> Feed:
    """A feed fetched from `url`. Raises TryLater when it is none, or not whole."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    feed = Feed()
    if start == b"{":
        _read_json(body, url, now, feed)
    else:
        _read_xml(body, content_type, url, now, feed)
    return feed


def _read_xml(body: bytes, content_type: str, url: str, now: datetime, feed: Feed) -> None:
    base, lang, number, inside, root = url, "", 0, 0, ""
    for event, element in elements(body, content_type, url):
        name = local(element)
        if not root:
            root = name
            if root not in _ROOTS:
                raise NotXml(f"{url} is no feed (its first element is {name[:40]}); check the address.", after_s=3600)
            base, lang = _joined(base, element.get(_BASE, "")) or base, element.get(_LANG, "")
        if name in _ENTRIES:
            inside += 1 if event == "start" else -1
        if event == "start":
            continue
        if name == "language" and not inside and not number:
            lang = lang or (element.text or "").strip()
        if name in _ENTRIES and inside == 0:
            number += 1
            _take(_item_of(element, base, lang), url, f"item {number}", now, feed)
            element.clear()
        elif element.tag == _DELETED and not inside and is_id(ref := element.get("ref", "")):
            gone = entry_id(url, "", ref)
            if is_address(ref) and not is_address(gone):  # no feed says what became of another site's pages
                feed.skipped.append(Odd("foreign_deletion", f"after item {number}", False, ref))
            else:
                feed.removed.append(gone)
    if not root:
        raise NotXml(f"{url} is empty; trying again later.", after_s=600)


def _item_of(entry: Element, base: str, lang: str) -> _Item:
    base = _joined(base, entry.get(_BASE, "")) or base
    item = _Item(lang=entry.get(_LANG, lang), id=entry.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about", ""))
    summary = content = permalink = updated = ""
    for child in entry:
        name, text = local(child), (child.text or "").strip()
        if _MEDIA_SPACE in str(child.tag) and child.tag != _MEDIA:
            continue  # has titles and texts of its own
        if name in ("guid", "id") and text:
            item.id = text
            permalink = text if name == "guid" and child.get("isPermaLink", "true").lower() == "true" else permalink
        elif name == "link":
            _link(child, text, base, item)
        elif name == "title" and not item.title:
            item.title = _html_of(child)
        elif child.tag == _CONTENT or (name == "content" and _ATOM in str(child.tag)):
            content = content or _html_of(child)
        elif name in ("description", "summary") and not summary:
            summary = _html_of(child)
        elif child.tag == f"{_DUBLIN}creator" or (name == "author" and len(child) == 0):
            item.author = item.author or text
        elif name == "author":
            item.author = item.author or _child(child, "name")
            item.author_uri = item.author_uri or _child(child, "uri")
        elif name in ("pubdate", "published") or child.tag == f"{_DUBLIN}date":
            item.at = item.at or text
        elif name == "updated":
            updated = text
        elif name == "enclosure" or child.tag == _MEDIA:
            kind = child.get("type", "image/" if child.get("medium") == "image" else "")
            item.images.append((_joined(base, child.get("url", "")), kind))
    item.html, item.at = content or summary, item.at or updated
    if not item.link and is_address(permalink):
        item.link = permalink
    return item


def _link(child: Element, text: str, base: str, item: _Item) -> None:
    target, kind = (child.get("href") or text).strip(), child.get("rel", "alternate")
    if not target:
        return
    if kind == "alternate" and not item.link:
        item.link = _joined(base, target)
    elif kind == "enclosure":
        item.images.append((_joined(base, target), child.get("type", "")))


def _html_of(element: Element) -> str:
    """An element's content as HTML: Atom and Media RSS say of which kind it is, RSS escapes it."""
    if element.get("type", "text" if _ATOM in element.tag else "") in ("text", "plain"):
        return _escaped(element.text or "")
    if len(element) == 0:
        return element.text or ""
    return "".join(_pieces(element))  # XHTML inside


def _pieces(element: Element) -> Iterator[str]:
    yield _escaped(element.text or "")
    for child in element:
        name = re.sub("[^a-z0-9]", "", local(child)) or "span"
        yield f"<{name}>"
        yield from _pieces(child)  # elements() bounds how deep it goes
        yield f"</{name}>"
        yield _escaped(child.tail or "")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")


def _child(element: Element, name: str) -> str:
    return next(((child.text or "").strip() for child in element if local(child) == name), "")


def _read_json(body: bytes, url: str, now: datetime, feed: Feed) -> None:
    try:
        document = orjson.loads(body.lstrip(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise TryLater(f"{url} is not whole JSON; trying again later.", after_s=600) from None
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise TryLater(f"{url} is no JSON Feed; check the address.", after_s=3600)
    for number, told in enumerate(document["items"], 1):
        where = f"item {number}"
        if not isinstance(told, dict):
            feed.skipped.append(Odd("wrong_type", where, False, repr(told)[:2000]))
            continue
        item = _Item(
            id=str(told["id"]) if isinstance(told.get("id"), (str, int)) else "",
            link=_joined(url, _string(told, "url")),
            title=_escaped(_string(told, "title")),
            html=_string(told, "content_html") or _escaped(_string(told, "content_text") or _string(told, "summary")),
            at=_string(told, "date_published") or _string(told, "date_modified"),
            lang=_string(told, "language") or _string(document, "language"),
            images=[(_joined(url, _string(told, "image")), "image/")],
        )
        authors = told.get("authors") or document.get("authors") or [told.get("author")]
        first = authors[0] if isinstance(authors, list) and authors else None
        if isinstance(first, dict):
            item.author, item.author_uri = _string(first, "name"), _string(first, "url")
        _take(item, url, where, now, feed)


def _string(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _take(item: _Item, feed_url: str, where: str, now: datetime, feed: Feed) -> None:
    notes: list[str] = []
    identity = entry_id(feed_url, item.link, item.id)
    text = "\n".join(part for part in (visible_text(item.title), visible_text(item.html)) if part)
    if not identity or not text:
        feed.skipped.append(Odd("no_id" if not identity else "no_text", where, False, repr(item)))
        return
    images = [(address, kind) for address, kind in item.images if kind.startswith("image/") and is_address(address)]
    row: Row = {
        "network": NETWORK,
        "native_id": identity,
        "url": address if is_address(address := address_of(identity)) else "",
        "author_id": item.author_uri if is_id(item.author_uri, AUTHOR_LIMIT) else "",
        "author_name": whole_text(item.author[:AUTHOR_LIMIT], notes),
        "text": whole_text(text, notes),
        "lang": whole_text(item.lang[:35], notes),
        "images": [{"ref": address, "alt": "", "mime": kind.strip("/")} for address, kind in images[:_IMAGES]],
        "posted_at": _time(item.at, now, notes) if item.at else None,
        "seen_at": now,
    }
    feed.rows.append(row)
    feed.skipped += [Odd(note, where, True, repr(item)) for note in dict.fromkeys(notes)]


def _time(told: str, now: datetime, notes: list[str]) -> datetime | None:
    as_mail = http_date(told)
    return claimed_time(as_mail.isoformat() if as_mail is not None else told, now, notes)


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address.strip()) if address.strip() else ""
    except ValueError:
        return ""
