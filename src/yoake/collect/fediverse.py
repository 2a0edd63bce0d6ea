"""What Mastodon, Misskey and all who speak ActivityPub share: one network, whose posts are named by their ActivityPub id.

A post has the same id on every server that shows it, so that it is one post whoever relayed it. Sources: W3C ActivityPub
and the public API documents of Mastodon (docs.joinmastodon.org) and Misskey (misskey-hub.net).
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from yoake.collect.clean import is_id, whole_text

NETWORK: Final = "fediverse"
SENSITIVE: Final = "nsfw"  # the label of media that author or server call sensitive: in practice, adult
_HTML_LIMIT: Final = 400_000  # characters of markup that are read; a post has 500 to some 10,000
_FEW: Final = 20
_SHORT: Final = 128

_BREAKS: Final = frozenset({"p", "div", "li", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_UNSHOWN: Final = frozenset({"script", "style", "template", "noscript", "head", "title", "iframe", "object"})
_LINES = re.compile("\n{3,}")

_MASTODON = re.compile(r"/users/([\w.-]{1,200})/statuses/([0-9A-Za-z]{1,40})|/@([\w.-]{1,200})/(\d{1,40})")
_MASTODON_NUMBERED = re.compile(r"/ap/users/(\d{1,40})/statuses/(\d{1,40})")
_MISSKEY = re.compile(r"/notes/([0-9A-Za-z]{1,64})")


class Place(NamedTuple):
    """A post's ActivityPub id, taken apart."""

    base: str  # scheme and host of the server where it was written
    kind: str  # mastodon, misskey, or "" (any other)
    id: str = ""  # its id there
    author: str = ""  # the author's name there, or the author's number
    numbered: bool = False


def place_of(ref: str) -> Place | None:
    """Where a post was written, by its ActivityPub id; None when that is none."""
    if not ref.startswith(("https://", "http://")) or not is_id(ref) or any(c.isspace() for c in ref):
        return None
    try:
        parts = urlsplit(ref)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or "@" in parts.netloc:
        return None
    base = f"{parts.scheme}://{parts.netloc.lower()}"
    if found := _MASTODON.fullmatch(unquote(parts.path)):
        return Place(base, "mastodon", found[2] or found[4], found[1] or found[3])
    if found := _MASTODON_NUMBERED.fullmatch(parts.path):
        return Place(base, "mastodon", found[2], found[1], numbered=True)
    if found := _MISSKEY.fullmatch(parts.path):
        return Place(base, "misskey", found[1])
    return Place(base, "")


def host_of(address: str) -> str:
    """Host and port of an address, as they stand behind the @ of a handle; "" when there is none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def base_of(address: str) -> str:
    """An instance from the settings without a slash at its end."""
    return address.strip().rstrip("/")


def web_address(value: object) -> str:
    """A URL a person can open, or "": other schemes (javascript:) are not addresses."""
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) and is_id(value) else ""


def few(value: object, notes: list[str], most: int = _FEW) -> list[Any]:
    """At most `most` things of a list; notes `too_many`."""
    if not isinstance(value, list):
        return []
    if len(value) > most:
        notes.append("too_many")
    return value[:most]


def short(value: object, notes: list[str]) -> str:
    """A language, media type or the like."""
    return whole_text(value[:_SHORT], notes) if isinstance(value, str) else ""


def text_of_html(html: str, notes: list[str]) -> str:
    """The text that a reader of this markup sees; nothing is run, loaded or kept of the markup itself.

    Paragraphs and line breaks become line breaks. A link whose words are not its address is followed by its address:
    a message behind a link is what a person would open.
    """
    if len(html) > _HTML_LIMIT:
        notes.append("too_long")
        html = html[:_HTML_LIMIT]
    parts: list[str] = []
    # A stack of our own: markup nested a hundred thousand deep is no reason to stop.
    stack: list[LexborNode | str | None] = [LexborHTMLParser(html.replace("\0", "\ufffd")).body]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
        elif node is not None:
            _step(node, parts, stack)
    lines = "".join(parts).replace("\u00a0", " ").split("\n")
    return _LINES.sub("\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def _step(node: LexborNode, parts: list[str], stack: list[LexborNode | str | None]) -> None:
    tag = node.tag
    if node.next is not None and tag != "body":
        stack.append(node.next)
    if tag == "-text":
        parts.append((node.text_content or "").replace("\r", ""))
    elif tag == "br":
        parts.append("\n")
    elif tag not in _UNSHOWN:
        if tag in _BREAKS:
            if parts and not parts[-1].endswith("\n"):
                parts.append("\n")
            stack.append("\n\n" if tag == "p" else "\n")
        elif tag == "a":
            stack.append(_behind(node))
        stack.append(node.child)


def _behind(link: LexborNode) -> str:
    """The address of a link, where its words do not say it."""
    address = web_address((link.attributes.get("href") or "").strip())
    kinds = f"{link.attributes.get('class') or ''} {link.attributes.get('rel') or ''}".split()
    words = (link.text() or "").strip()
    if not address or {"mention", "hashtag", "tag"} & {*kinds} or words.startswith(("@", "#")):
        return ""
    bare = words.removeprefix("https://").removeprefix("http://").rstrip("/")
    if bare and bare == address.removeprefix("https://").removeprefix("http://").rstrip("/"):
        return ""
    return f" ({address})"
