"""Sitemaps (sitemaps.org): which pages a site has, and when they changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from yoake.collect.markup import elements, local

BYTES: Final = 52_428_800  # the protocol's own limit, unpacked
DEEPEST: Final = 3  # an index of indexes of sitemaps; the protocol has one level


class Entry(NamedTuple):
    """A page, or another sitemap."""

    changed: str  # when, as UTC in ISO 8601; "" where the site does not say
    url: str


def root_of(body: bytes, content_type: str, where: str) -> str:
    """Name of an XML document's first element: urlset, sitemapindex ...; "" when it is HTML. Raises NotXml."""
    head = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if "html" in content_type.lower() or head.startswith((b"<!doctype html", b"<html")):
        return ""
    return next((local(element) for event, element in elements(body, content_type, where) if event == "start"), "")


def entries(body: bytes, content_type: str, where: str) -> Iterator[Entry]:
    """The entries of a sitemap or sitemap index, in its order. Raises NotXml where it is not whole."""
    for event, element in elements(body, content_type, where):
        if event == "end" and local(element) in ("url", "sitemap"):
            told = {local(child): (child.text or "").strip() for child in element}
            if told.get("loc"):
                yield Entry(_time(told.get("lastmod", "")), told["loc"])
            element.clear()


def since(at: datetime) -> str:
    """What `Entry.changed` is compared with; a day earlier, for many sites tell only days and no offset."""
    return (at - timedelta(days=1)).astimezone(UTC).isoformat()


def _time(told: str) -> str:
    """A W3C date, also one without time or offset (it is only compared, generously), as UTC."""
    try:
        at = datetime.fromisoformat(told if len(told) > 7 else f"{told}-01" if len(told) == 7 else f"{told}-01-01")
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""
