"""Hostile HTML and XML to text: no script is run, nothing is loaded, no entity is expanded."""

from __future__ import annotations

import json
import re
import zlib
from codecs import lookup
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError, iterparse

from selectolax.lexbor import LexborHTMLParser, LexborNode
from w3lib.encoding import html_body_declared_encoding, html_to_unicode, http_content_type_encoding

from yoake.collect.trouble import TooLong
from yoake.errors import TryLater

_BLOCKS: Final = (
    "address,article,aside,blockquote,br,caption,dd,details,div,dl,dt,fieldset,figcaption,figure,footer,form,h1,h2,h3,h4,"
    "h5,h6,header,hr,legend,li,main,nav,ol,option,p,pre,section,summary,table,td,th,tr,ul"
)
_UNSEEN: Final = "script,style,template,noscript,svg,math,iframe,object,embed,head,[hidden]"
_FRAME: Final = (
    "nav,header,footer,aside"  # of a site, not of its page; only left out where the page marks its main part
)
_BREAK: Final = "\x1e"  # stands where a block begins or ends until white space is tidied
_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_DEEPEST: Final = 100  # elements of XML in one another
_DEEPEST_HTML: Final = 1000  # browsers stop at 512; parsing takes time in proportion to the depth
_OPEN_OR_CLOSE = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,40})")
_TAG = re.compile(r"<[^<>]*>")
_NEVER_DEEP: Final = frozenset(  # void, or ended by the next of their kind
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "td",
        "th",
        "tr",
        "dt",
        "dd",
        "option",
    ]
)
_BOM: Final = b"\xef\xbb\xbf"
_WIDER: Final = {"shift_jis": "cp932", "euc_jp": "eucjis2004", "iso8859-1": "cp1252"}  # what is written under the name
_NOT_OF_PAGES: Final = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf_7"})
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")


def decoded(body: bytes, content_type: str) -> str:
    """A page's text: by its byte order mark, the header's charset, what the page says, else by what fits.

    UTF-8, Shift_JIS and EUC-JP are tried in this order where nobody says; what fits nothing becomes U+FFFD.
    """
    told = http_content_type_encoding(content_type or None) or html_body_declared_encoding(body)
    if told is not None and not _is_of_pages(told):
        return body.decode(_fitting(body) or "utf-8", "replace")
    return html_to_unicode(content_type or None, body, auto_detect_fun=_fitting)[1]


def _is_of_pages(encoding: str) -> bool:
    """Whether a page can be written in this encoding: Python knows many that are none, or take time without end."""
    if lookup(encoding).name.replace("-", "_") in _NOT_OF_PAGES:
        return False
    try:
        b"a".decode(encoding, "replace")
    except LookupError:  # packing and the like
        return False
    return True


def _fitting(body: bytes) -> str | None:
    for encoding in ("utf-8", "cp932", "euc_jp"):
        try:
            body.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return None


def visible_text(html: str) -> str:
    """What a reader of a piece of HTML sees, block by block on lines of its own."""
    return _text_of(_parsed(html).body)


@dataclass(frozen=True)
class ReadPage:
    """What an HTML page says; "" where it does not say it."""

    title: str
    text: str
    canonical: str = ""  # as its <link rel=canonical> claims, absolute
    lang: str = ""
    author: str = ""
    site: str = ""
    posted_at: str = ""
    image: str = ""
    data: tuple[Any, ...] = field(default=())  # JSON-LD and microdata (as JSON-LD writes it)


def read_page(html: str, url: str) -> ReadPage:
    """An HTML page, fetched from `url`, to what it says."""
    tree = _parsed(html)
    metas = _metas(tree)
    data = (*_json_ld(tree), *_microdata(tree))
    title = tree.css_first("title")
    link = tree.css_first('link[rel~="canonical"][href]')
    canonical = (link.attributes.get("href") or "").strip() if link is not None else ""
    root = tree.css_first("html")
    return ReadPage(
        title=_tidy(title.text() if title is not None else "") or metas.get("og:title", ""),
        text=_main_text(tree),
        canonical=_join(url, canonical) if canonical else "",
        lang=((root.attributes.get("lang") or "").strip() if root is not None else "")[:35],
        author=metas.get("author", ""),
        site=metas.get("og:site_name", ""),
        posted_at=metas.get("article:published_time", ""),
        image=_join(url, metas["og:image"]) if metas.get("og:image") else "",
        data=data,
    )


def _parsed(html: str) -> LexborHTMLParser:
    depth = 0
    for tag in _OPEN_OR_CLOSE.finditer(html):
        if tag[2].lower() not in _NEVER_DEEP:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > _DEEPEST_HTML:  # no page a person wrote: what follows is read as text only
            html = html[: tag.start()] + _TAG.sub(" ", html[tag.start() :])
            break
    return LexborHTMLParser(html)


def _main_text(tree: LexborHTMLParser) -> str:
    main = tree.css_first("main,[role=main]")
    if main is None:
        articles = tree.css("article")
        main = articles[0] if len(articles) == 1 else None
    if main is None:
        return _text_of(tree.body)
    for node in main.css(_FRAME):
        node.decompose()
    return _text_of(main) or _text_of(tree.body)


def _text_of(node: LexborNode | None) -> str:
    if node is None:
        return ""
    for unseen in node.css(_UNSEEN):
        unseen.decompose()
    for block in node.css(_BLOCKS):
        block.insert_before(_BREAK)
        block.insert_after(_BREAK)
    return "\n".join(line for part in node.text().split(_BREAK) if (line := _tidy(part)))


def _tidy(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _join(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return ""


def _metas(tree: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        said = node.attributes
        name = (said.get("property") or said.get("name") or "").strip().lower()
        if name and name not in found:
            found[name] = _tidy(said.get("content") or "")
    return found


def _json_ld(tree: LexborHTMLParser) -> Iterator[Any]:
    for node in tree.css('script[type="application/ld+json"]'):
        try:
            yield json.loads(node.text(), strict=False)  # line breaks inside strings are common
        except (ValueError, RecursionError):
            continue


def _microdata(tree: LexborHTMLParser) -> Iterator[Any]:
    """Items of a type that stand in no other, as JSON-LD writes them: the property's value, or several in a list."""
    items: dict[int, dict[str, Any]] = {}
    for node in tree.css("[itemscope]"):  # in the order of the document: an item before what is in it
        kind = (node.attributes.get("itemtype") or "").rstrip("/").rpartition("/")[2]
        items[node.mem_id] = {"@type": kind} if kind else {}
    if not items:
        return
    for node in tree.css("[itemprop]"):
        owner = _owner(node, items)
        if owner is None:
            continue
        value = items.get(node.mem_id) if "itemscope" in node.attributes else _property(node)
        for name in (node.attributes.get("itemprop") or "").split():
            _add(owner, name, value)
    for node in tree.css("[itemscope][itemtype]:not([itemprop])"):
        yield items[node.mem_id]


def _owner(node: LexborNode, items: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    above, steps = node.parent, 0
    while above is not None and steps < 200:
        if above.mem_id in items:
            return items[above.mem_id]
        above, steps = above.parent, steps + 1
    return None


def _property(node: LexborNode) -> str:
    said = node.attributes
    for name in ("content", "datetime", "href", "src"):
        if said.get(name):
            return str(said[name])
    return _text_of(node)


def _add(owner: dict[str, Any], name: str, value: Any) -> None:
    if name not in owner:
        owner[name] = value
    elif isinstance(owner[name], list):
        owner[name].append(value)
    else:
        owner[name] = [owner[name], value]


def unpacked(body: bytes, limit_bytes: int) -> bytes:
    """What a gzip file holds (anything else as it is). Raises TooLong beyond `limit_bytes`, TryLater when it is broken."""
    if body[:2] != b"\x1f\x8b":
        return body
    unpack = zlib.decompressobj(31)
    try:
        found = unpack.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise TryLater("a packed file cannot be unpacked; trying again later.", after_s=600) from None
    if len(found) > limit_bytes:
        raise TooLong(f"a packed file holds more than {limit_bytes:,} bytes.", after_s=3600)
    if not unpack.eof:
        raise TryLater("a packed file ends too early; trying again later.", after_s=600)
    return found


class NotXml(TryLater):
    """What came is not whole XML, or XML that nobody needs to write (entities)."""


def elements(body: bytes, content_type: str, where: str) -> Iterator[tuple[str, Element]]:
    """Elements of an XML document as they begin ("start") and end ("end"), so that a long one need not be kept whole.

    It is brought to UTF-8 first; then a document in which nobody declares an entity has none to expand, and nothing
    outside is ever loaded. Raises NotXml, naming `where`, at the first thing that is not XML, or nested too deep.
    """
    told = _XML_ENCODING.match(body) or re.search(rb"charset=\"?([A-Za-z0-9._-]{1,40})", content_type.encode())
    text = _XML_DECLARATION.sub("", _text(body, told[1].decode() if told else "utf-8", where), count=1)
    if "<!ENTITY" in text:
        raise NotXml(f"{where} is XML that declares entities; it is not read.", after_s=3600)
    depth = 0
    try:
        for event, element in iterparse(BytesIO(text.encode()), ("start", "end")):  # noqa: S314
            depth += 1 if event == "start" else -1
            if depth > _DEEPEST:
                raise NotXml(f"{where} is XML that is nested too deep; it is not read.", after_s=3600)
            yield event, element
    except ParseError as error:
        raise NotXml(f"{where} is not whole XML (line {error.position[0]}); trying again later.", after_s=600) from None


def _text(body: bytes, encoding: str, where: str) -> str:
    try:
        name = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig" if body[:3] == _BOM else encoding
        if not _is_of_pages(name):
            raise LookupError(name)
        return body.decode(_WIDER.get(lookup(name).name, name))
    except (LookupError, ValueError):
        raise NotXml(
            f"{where} is not in the encoding it names ({encoding[:40]}); trying again later.", after_s=600
        ) from None


def local(element: Element) -> str:
    """An element's name without its namespace, in small letters; "" for a comment."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""
