"""Pages of the web as posts: which address a page has, what it says, and whether it is still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from yoake.collect.addresses import canonical_url
from yoake.collect.clean import claimed_time, is_id, whole_text
from yoake.collect.connector import Known, Liveness
from yoake.collect.manners import LoginWall, Manners, RobotsSayNo
from yoake.collect.markup import ReadPage, decoded, read_page
from yoake.collect.net import Busy, Denied, Net, Response, Stamp
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

NETWORK: Final = "web"
GONE: Final = (404, 410)
PAGE_BYTES: Final = 5_000_000
_KINDS: Final = ("text/html", "application/xhtml+xml", "text/plain", "")
_SHORT: Final = 300

Row = dict[str, Any]
Read = Callable[[Response, str, datetime], Row | None]  # a fetched page and a ref to the ref's row of POSTS


def post_of_page(response: Response, now: datetime) -> tuple[Row | None, list[str]]:
    """A fetched page to a row of POSTS and the notes on it, or None and why it is no post."""
    page = page_of(response)
    if page is None:
        return None, ["not_a_page"]
    url = item_url(response.url, page.canonical)
    notes: list[str] = []
    text = page.text if page.text.startswith(page.title) else f"{page.title}\n{page.text}"
    if not page.text or url is None:
        return None, ["no_text" if url else "no_id"]
    row: Row = {
        "network": NETWORK,
        "native_id": url,
        "url": url,
        "author_name": whole_text((page.author or page.site)[:_SHORT], notes),
        "text": whole_text(text.strip(), notes),
        "lang": whole_text(page.lang, notes),
        "images": [{"ref": page.image, "alt": ""}] if is_address(page.image) else [],
        "posted_at": claimed_time(page.posted_at, now, notes) if page.posted_at else None,
        "seen_at": now,
    }
    return row, list(dict.fromkeys(notes))


def page_of(response: Response) -> ReadPage | None:
    """A fetched page, read; None when it is no HTML and no text."""
    said = response.headers.get("content-type", "")
    if said.partition(";")[0].strip().lower() not in _KINDS:
        return None
    return read_page(decoded(response.body, said), response.url)


def item_url(url: str, claimed: str) -> str | None:
    """The one address of an item: what its page claims (rel=canonical), where that is believable, else where it was found.

    A page may not claim another site's address, nor the front page when it is none. None: no address that can be kept.
    """
    try:
        own = canonical_url(url)
    except BadInput:
        return None
    if not claimed:
        return own
    try:
        other = canonical_url(claimed)
    except BadInput:
        return own
    same_site = _site(other) == _site(own)
    return other if same_site and (urlsplit(other).path not in ("", "/") or urlsplit(other).query) else own


def is_address(url: str) -> bool:
    """Whether this is an http(s) address that can be kept."""
    return url.startswith(("https://", "http://")) and is_id(url)


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def check_pages(
    known: Sequence[Known],
    net: Net,
    read: Read | None = None,
    *,
    delay_s: float = 0.0,
) -> list[Liveness]:
    """Whether pages (their addresses are the refs) are still there, in the order asked.

    Args:
        known: what is known of each; a stamp makes the request conditional, a content hash tells an edit.
        net: the outside world.
        read: how the connector that brought it reads a fetched page; without it as one post, whole.
        delay_s: between two requests to one host.
    """
    manners = Manners(net, delay_s=delay_s)
    return [_liveness(one, manners, net, read or _whole) for one in known]


def _whole(response: Response, ref: str, now: datetime) -> Row | None:
    return post_of_page(response, now)[0]


def _liveness(known: Known, manners: Manners, net: Net, read: Read) -> Liveness:
    now, ref = net.now(), known.ref
    stamp = _stamp_of(known.stamp)
    try:
        response = manners.get(ref, headers=stamp.headers(), limit_bytes=PAGE_BYTES)
    except BadInput:
        return Liveness(ref, "unchecked", now, "this is no address of a page")
    except (RobotsSayNo, Busy) as error:  # nobody asked: nothing is known
        return Liveness(ref, "unchecked", now, str(error))
    except (Denied, LoginWall) as error:
        return Liveness(ref, "private", now, str(error))
    except (TryLater, Refused) as error:
        return Liveness(ref, "unreachable", now, str(error))
    status = response.status
    if status == 304 and stamp.headers():
        return Liveness(ref, "up", now, "", known.content_hash, known.stamp)
    if status in GONE:
        return Liveness(ref, "removed", now, f"the page answers {status}")
    if status == 451:
        return Liveness(ref, "removed_by_provider", now, "the page answers 451 (for legal reasons)")
    if status != 200:
        return Liveness(ref, "unreachable", now, f"the page answers {status}")
    if not _same_page(ref, response.url):
        return Liveness(ref, "unchecked", now, f"the page leads elsewhere now ({response.url[:200]}): open it by hand")
    row = read(response, ref, now)
    if row is None:
        return Liveness(ref, "up" if not known.content_hash else "edited", now, "the page says nothing any more")
    (found,) = posts_batch([row]).column("content_hash").to_pylist()
    state = "edited" if known.content_hash and known.content_hash != found else "up"
    return Liveness(ref, state, now, "", found, _kept(Stamp.of(response)))


def _same_page(asked: str, found: str) -> bool:
    """Whether a redirect led to the same page by another way (https, www, a slash at the end)."""
    one, other = urlsplit(asked), urlsplit(found)
    return (_site(asked), one.path.rstrip("/"), one.query) == (_site(found), other.path.rstrip("/"), other.query)


def _kept(stamp: Stamp) -> str:
    return orjson.dumps([stamp.etag, stamp.modified]).decode() if stamp.headers() else ""


def _stamp_of(kept: str) -> Stamp:
    try:
        etag, modified = orjson.loads(kept) if kept else ("", "")
        return Stamp(str(etag), str(modified))
    except (ValueError, TypeError):
        return Stamp()
