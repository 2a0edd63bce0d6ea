"""One post, one address: which addresses name a post, which name something else, and how a connector helps with both.

The optional parts of a connector that stand here are asked for with `isinstance`; a connector that lacks them is whole.
Nothing here opens an address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import pyarrow as pa

from yoake import shelf
from yoake.collect import bluesky, connectors, fediverse, threads, x
from yoake.collect.addresses import canonical_url
from yoake.collect.net import Net
from yoake.errors import TryLater

ITEM, SEARCH, PROFILE, PICTURE, UNKNOWN = "item", "search", "profile", "picture", ""


@dataclass(frozen=True)
class Item:
    """What an address names."""

    kind: str  # item, search, profile, picture; "" when its shape says nothing
    url: str  # the one way in which this post's address is written here
    network: str = ""  # as connectors call it; "" when only the address is known
    native_id: str = ""  # as connectors call it; "" when only the network can say
    author: str = ""  # the handle in the address, where it stands for a lasting id that only the network knows
    key: str = ""  # the post's key beside that handle


@runtime_checkable
class RecognisesItems(Protocol):
    """What a connector has besides where the addresses of its network's posts can be known by their shape."""

    def item(self, url: str) -> Item | None:
        """What an address of this network names, with the native_id that `pages` gives the post; else None. Opens nothing."""
        ...


@runtime_checkable
class ReadsOnePost(Protocol):
    """What a connector has besides where one post can be read anew by its id."""

    def read(self, ref: str, options: Any, net: Net) -> pa.RecordBatch:
        """The post (native_id) as it is now: schema POSTS, one row; none when it is not there."""
        ...


def item_of(url: str) -> Item:
    """What an address names, by its shape alone; connectors on the shelf are asked first.

    Args:
        url: what somebody copied: http(s), or an at:// address of Bluesky.

    Raises:
        BadInput: it is no web address.
    """
    url = url.strip()
    if (ref := bluesky.split_uri(url)) is not None and ref.collection == bluesky.POST:
        return _bluesky_item(ref.did, ref.rkey)
    url = canonical_url(url)
    for recognise in (*_of_connectors(), _bluesky, _x, _threads, _instagram, _fediverse, _anywhere):
        if (found := recognise(url)) is not None:
            return found
    return Item(UNKNOWN, url)


@lru_cache(maxsize=1)
def _of_connectors() -> tuple[Callable[[str], Item | None], ...]:
    made = (shelf.take(connectors, name)() for name in shelf.names(connectors))
    return tuple(connector.item for connector in made if isinstance(connector, RecognisesItems))


def resolved(item: Item, api: str, net: Net) -> Item | None:
    """An item whose address has a Bluesky handle, with the id that the network knows it by; None: nobody has this handle.

    Args:
        item: as `item_of` gives it.
        api: the AppView or PDS that is asked (com.atproto.identity.resolveHandle); the post itself is not opened.
        net: the outside world.

    Raises:
        TryLater: the host is away.
        Refused: it lets nobody in.
        BadInput: the address in the settings cannot be asked.
    """
    if item.native_id or item.network != bluesky.NETWORK or not item.author:
        return item if item.native_id else None
    url = f"{api.rstrip('/')}/xrpc/com.atproto.identity.resolveHandle"
    answer = net.get(url, params={"handle": item.author}, timeout_s=10, limit_bytes=10_000)
    told = answer.json() if answer.status in (200, 400, 404) else None
    if not isinstance(told, dict):
        raise TryLater(f"{urlsplit(api).hostname} answered with status {answer.status}; try again later.", after_s=60)
    did = told.get("did")
    if answer.status != 200 or bluesky.uri_of(did, item.key) is None:
        return None
    return _bluesky_item(str(did), item.key)


# --- shapes -----------------------------------------------------------------------------------------------------------

_HANDLE: Final = r"[\w.@:%-]{1,260}"
_PICTURE: Final = re.compile(r"\.(png|jpe?g|gif|webp|avif|heic|bmp|tiff?)$", re.IGNORECASE)
_PICTURE_HOSTS: Final = frozenset({"pbs.twimg.com", "cdn.bsky.app", "i.imgur.com", "gyazo.com", "i.gyazo.com"})
_SEARCH_PATHS: Final = frozenset({"search", "searches", "hashtag", "hashtags", "tags", "tag", "explore"})
_QUERIES: Final = frozenset({"q", "query", "keyword", "keywords", "p", "search", "s"})
_X_PAGES: Final = frozenset({"home", "i", "messages", "notifications", "settings", "login", "compose", "intent"})


def _parts(url: str) -> tuple[SplitResult, str, list[str]]:
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("mobile.")
    return parts, host, [unquote(part) for part in parts.path.split("/") if part]


def _bluesky(url: str) -> Item | None:
    _all, host, path = _parts(url)
    if host != "bsky.app" or not path:
        return None
    if path[0] in ("search", "hashtag"):
        return Item(SEARCH, url, bluesky.NETWORK)
    if path[0] != "profile" or len(path) < 2:
        return None
    if len(path) == 4 and path[2] == "post":
        uri = bluesky.uri_of(path[1], path[3])
        if uri is not None:
            return _bluesky_item(path[1], path[3])
        handle = path[1].lower()  # the network says whose it is
        plain = f"https://bsky.app/profile/{handle}/post/{path[3]}"
        return Item(ITEM, plain, bluesky.NETWORK, author=handle, key=path[3])
    return Item(PROFILE, url, bluesky.NETWORK)


def _bluesky_item(did: str, rkey: str) -> Item:
    uri = bluesky.uri_of(did, rkey) or ""
    return Item(ITEM, f"https://bsky.app/profile/{did}/post/{rkey}", bluesky.NETWORK, uri)


def _x(url: str) -> Item | None:
    _all, host, path = _parts(url)
    if host != "x.com" or not path:
        return None
    for place in range(1, len(path) - 1):
        if path[place] in ("status", "statuses") and re.fullmatch(r"\d{1,25}", path[place + 1]):
            return Item(ITEM, f"https://x.com/{path[0]}/status/{path[place + 1]}", x.NETWORK, path[place + 1])
    if path[0].lower() in ("search", "hashtag", "explore"):
        return Item(SEARCH, url)
    if path[0].lower() in _X_PAGES:
        return None
    return Item(PROFILE, url)


def _threads(url: str) -> Item | None:
    _all, host, path = _parts(url)
    if host not in ("threads.net", "threads.com") or not path:
        return None
    if len(path) >= 3 and path[0].startswith("@") and path[1] == "post":
        return Item(ITEM, f"https://www.threads.com/{path[0]}/post/{path[2]}", threads.NETWORK, path[2])
    if path[0].startswith("@"):
        return Item(PROFILE, url)
    return Item(SEARCH, url) if path[0] == "search" else None


def _instagram(url: str) -> Item | None:
    _all, host, path = _parts(url)
    if host != "instagram.com" or not path:
        return None
    if len(path) >= 2 and path[-2] in ("p", "reel", "tv"):
        return Item(ITEM, f"https://www.instagram.com/{path[-2]}/{path[-1]}/")
    if path[0] == "explore":
        return Item(SEARCH, url)
    return Item(PROFILE, url) if len(path) == 1 else None


def _fediverse(url: str) -> Item | None:
    """Posts of servers that speak Mastodon's or Misskey's tongue, on whatever host they are."""
    parts, _host, path = _parts(url)
    place = fediverse.place_of(url)
    if place is not None and place.kind and not parts.query:
        is_own_id = place.kind == "mastodon" and path[0] in (
            "users",
            "ap",
        )  # else the page may show another server's post
        return Item(ITEM, url, fediverse.NETWORK, url if is_own_id else "")
    if len(path) == 1 and re.fullmatch(rf"@{_HANDLE}", path[0]):
        return Item(PROFILE, url)
    return None


def _anywhere(url: str) -> Item | None:
    """What shapes mean on hosts nobody named."""
    parts, host, path = _parts(url)
    if host in _PICTURE_HOSTS or _PICTURE.search(parts.path):
        return Item(PICTURE, url)
    asked = any(name.lower() in _QUERIES for name in parse_qs(parts.query))
    if asked and path and path[-1].lower() in _SEARCH_PATHS:
        return Item(SEARCH, url)
    if asked and not path and host.startswith(("duckduckgo.", "bing.", "google.", "search.")):
        return Item(SEARCH, url)
    if len(path) >= 2 and path[-2].lower() in ("hashtag", "hashtags", "tags", "tag"):
        return Item(SEARCH, url)
    return None
