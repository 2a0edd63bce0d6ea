"""Pages of the web as posts: which address a page has, what it says, and whether it is still there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from yoake.collect.addresses import canonical_url
from yoake.collect.clean import claimed_time, is_id, whole_text
from yoake.collect.connector import Known, Liveness, unanswered
from yoake.collect.manners import LoginWall, Manners, RobotsSayNo
from yoake.collect.markup import ReadPage, decoded, read_page
from yoake.collect.net import Busy, Denied, Net, Response, Stamp
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

NETWORK: Final = "web"
GONE: Final = (404, 410)
PAGE_BYTES: Final = 5_000_000
_KINDS: Final = ("text/html", "application/xhtml+xml", "text/plain", "")
FEED_WORDING: Final = "feed"  # label of a version that is worded as a feed has it, and not as its page
_SHORT: Final = 300
_TAG = re.compile(r"tag:(?:[^@,:/]{1,64}@)?([A-Za-z0-9.-]{1,253}),\d{4}")  # RFC 4151: by whom it was minted
_OF_A_FEED = re.compile(r"[0-9a-f]{16}/(?=https?://)")

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
    return other if same_site(other, own) and (urlsplit(other).path not in ("", "/") or urlsplit(other).query) else own


def is_address(url: str) -> bool:
    """Whether this is an http(s) address that can be kept."""
    return url.startswith(("https://", "http://")) and is_id(url)


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one site; with or without www."""
    return _site(one) == _site(other)


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def entry_id(feed_url: str, link: str, ident: str) -> str:
    """What names an entry of a feed: its page's address, else its id, which is the feed's alone. "" when it has neither.

    A feed speaks for pages, and `tag:` ids, of its own host and of hosts below it. What it says of any other is not that
    site's own text: there the name is the feed's and the address (or id) together, so that it is another post.
    """
    for address in (link, ident):
        if is_address(address):
            try:
                url = canonical_url(address)
            except BadInput:
                continue
            name = url if speaks_for(feed_url, url) else f"{_feed_key(feed_url)}/{url}"
            return name if is_id(name) else ""
    if not ident or not is_id(ident):
        return ""
    minted = _TAG.match(ident)
    own = minted is not None and speaks_for(feed_url, f"https://{minted[1].lower()}/")
    return ident if own else f"{_feed_key(feed_url)}/{ident}"[:2000]


def address_of(ref: str) -> str:
    """The page's address in what names a page or an entry of a feed; an id that has none is given back."""
    return _OF_A_FEED.sub("", ref, count=1)


def speaks_for(feed_url: str, url: str) -> bool:
    """Whether an address is of the feed's own host, with or without www, or of a host below it."""
    feed, own = _site(feed_url), _site(url)
    return own == feed or own.endswith(f".{feed}")


def _feed_key(feed_url: str) -> str:
    return sha256(feed_url.encode()).hexdigest()[:16]


def check_pages(
    known: Sequence[Known],
    net: Net,
    read: Read | None = None,
    *,
    delay_s: float = 0.0,
) -> list[Liveness]:
    """Whether pages (their addresses are the refs) are still there, in the order asked.

    Args:
        known: what is known of each; a stamp makes the request conditional, a content hash tells an edit. A version with
            FEED_WORDING is not compared with its page: the first check keeps in its stamp what the page says, and later
            ones compare with that.
        net: the outside world.
        read: how the connector that brought it reads a fetched page; without it as one post, whole.
        delay_s: between two requests to one host.
    """
    manners = Manners(net, delay_s=delay_s)
    return [_liveness(one, manners, net, read or _whole) for one in known]


def read_anew(ref: str, net: Net, read: Read | None = None, *, delay_s: float = 0.0) -> Row | None:
    """What a page (its address is the ref) says now, as `check_pages` reads it; None when it is not there as such.

    Raises what `Manners.get` raises.
    """
    response = Manners(net, delay_s=delay_s).get(address_of(ref), limit_bytes=PAGE_BYTES)
    if response.status != 200 or not _same_page(address_of(ref), response.url):
        return None
    return (read or _whole)(response, ref, net.now())


def _whole(response: Response, ref: str, now: datetime) -> Row | None:
    return post_of_page(response, now)[0]


def _liveness(known: Known, manners: Manners, net: Net, read: Read) -> Liveness:
    now, ref, url = net.now(), known.ref, address_of(known.ref)
    stamp, before = _stamp_of(known.stamp)
    try:
        response = manners.get(url, headers=stamp.headers(), limit_bytes=PAGE_BYTES)
    except BadInput:
        return Liveness(ref, "unchecked", now, "this is no address of a page")
    except Busy as error:
        return unanswered(ref, error, now) if not error.asked else Liveness(ref, "unchecked", now, str(error))
    except (RobotsSayNo, Denied, LoginWall) as error:  # it lets no program look: that says nothing about the page
        return Liveness(ref, "unchecked", now, str(error))
    except (TryLater, Refused) as error:
        return Liveness(ref, "unreachable", now, str(error))
    status, same = response.status, _same_page(url, response.url)
    if status == 304 and stamp.headers() and same:
        return Liveness(ref, "up", now, "", known.content_hash, known.stamp)
    if status in GONE:
        return Liveness(ref, "removed", now, f"the page answers {status}")
    if status == 451:
        return Liveness(ref, "removed_by_provider", now, "the page answers 451 (for legal reasons)")
    if status != 200 and (status != 304 or same):
        return Liveness(ref, "unreachable", now, f"the page answers {status}")
    if not same:
        return Liveness(ref, "unchecked", now, f"the page leads elsewhere now ({response.url[:200]}): open it by hand")
    row = read(response, ref, now)
    if FEED_WORDING in known.labels:
        return _since_first_look(known, row, before, Stamp.of(response), now)
    if row is None:
        return Liveness(ref, "up" if not known.content_hash else "edited", now, "the page says nothing any more")
    (found,) = posts_batch([row]).column("content_hash").to_pylist()
    state = "edited" if known.content_hash and known.content_hash != found else "up"
    return Liveness(ref, state, now, "", found, _kept(Stamp.of(response)))


def _same_page(asked: str, found: str) -> bool:
    """Whether a redirect led to the same page by another way (https, www, a slash at the end)."""
    one, other = urlsplit(asked), urlsplit(found)
    return (_site(asked), one.path.rstrip("/"), one.query) == (_site(found), other.path.rstrip("/"), other.query)


def _since_first_look(known: Known, row: Row | None, before: str | None, stamp: Stamp, now: datetime) -> Liveness:
    """Whether a page changed since it was looked at first (`before`, the hash of what it said; None: it is now)."""
    found = posts_batch([row]).column("content_hash")[0].as_py() if row is not None else ""
    if before is None:
        note = "it is worded otherwise in its feed: compared from now on"
        return Liveness(known.ref, "up", now, note, known.content_hash, _kept(stamp, found))
    if found == before:
        return Liveness(known.ref, "up", now, "", known.content_hash, _kept(stamp, found))
    return Liveness(known.ref, "edited", now, "" if found else "the page says nothing any more", found, _kept(stamp))


def _kept(stamp: Stamp, found: str | None = None) -> str:
    told = [stamp.etag, stamp.modified, *([] if found is None else [found])]
    return orjson.dumps(told).decode() if stamp.headers() or found is not None else ""


def _stamp_of(kept: str) -> tuple[Stamp, str | None]:
    """Validators, and the hash of what the page said, where that was kept."""
    try:
        etag, modified, *found = orjson.loads(kept) if kept else ("", "")
        return Stamp(str(etag), str(modified)), str(found[0]) if found else None
    except (ValueError, TypeError):
        return Stamp(), None
