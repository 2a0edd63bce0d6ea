from __future__ import annotations

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yoake.collect.markup import NotXml, decoded, elements, local, read_page, unpacked, visible_text
from yoake.collect.net import TooLong
from yoake.errors import TryLater

URL = "https://board.example/jobs/1"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>高収<b>入</b>の<span>仕事</span></p><p>即日</p>", "高収入の仕事\n即日"),  # no gap inside a word
        ("a<br>b<hr>c", "a\nb\nc"),
        ("<ul><li>1<li>2</ul>tail", "1\n2\ntail"),
        ("<div>a\n  b\t c</div>", "a b c"),
        ("x<script>alert(1)</script><style>p{}</style><noscript>n</noscript><template>t</template>y", "xy"),
        ("<p hidden>h</p><p>v</p>", "v"),
        ("<!-- c --><p>&lt;b&gt; &amp; &#x65E5;</p>", "<b> & 日"),
        ("plain", "plain"),
        ("", ""),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\nb\nc"),
    ],
)
def test_what_a_reader_sees(html: str, text: str) -> None:
    assert visible_text(html) == text


def test_what_a_page_says() -> None:
    page = read_page(
        """<html lang="ja-JP"><head><title> 倉庫の
        仕事 </title><link rel="canonical" href="/jobs/1"><meta property="og:image" content="/a.png">
        <meta property="og:site_name" content="求人板"><meta name="author" content="係">
        <meta property="article:published_time" content="2026-11-20T12:00:00+09:00"></head>
        <body><nav>menu</nav><main><header>top</header><h1>倉庫の仕事</h1><p>日給</p></main><footer>foot</footer></body>""",
        URL + "?utm_source=x",
    )
    assert (page.title, page.text, page.canonical) == ("倉庫の 仕事", "倉庫の仕事\n日給", URL)
    assert (page.lang, page.author, page.site) == ("ja-JP", "係", "求人板")
    assert (page.posted_at, page.image) == ("2026-11-20T12:00:00+09:00", "https://board.example/a.png")


def test_without_a_main_part_everything_is_read() -> None:
    assert read_page("<nav>n</nav><article>a</article><article>b</article>", URL).text == "n\na\nb"
    assert read_page("<nav>n</nav><article>a</article>", URL).text == "a"
    assert read_page("<main></main><p>outside</p>", URL).text == "outside"


def test_data_in_a_page() -> None:
    page = read_page(
        """<script type="application/ld+json">{"@type": "JobPosting", "title": "a\nb"}</script>
        <script type="application/ld+json">{broken</script>
        <div itemscope itemtype="https://schema.org/JobPosting"><h1 itemprop="title">仕事</h1>
        <span itemprop="employmentType">FULL_TIME</span><span itemprop="employmentType">PART_TIME</span>
        <div itemprop="hiringOrganization" itemscope itemtype="https://schema.org/Organization">
        <b itemprop="name">会社</b><meta itemprop="telephone" content="0"></div><time itemprop="datePosted"
        datetime="2026-11-20">きのう</time></div>""",
        URL,
    )
    assert page.data == (
        {"@type": "JobPosting", "title": "a\nb"},
        {
            "@type": "JobPosting",
            "title": "仕事",
            "employmentType": ["FULL_TIME", "PART_TIME"],
            "hiringOrganization": {"@type": "Organization", "name": "会社", "telephone": "0"},
            "datePosted": "2026-11-20",
        },
    )


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16", "iso2022_jp"])
@pytest.mark.parametrize("told", ["header", "page", "nobody"])
def test_encodings_of_japanese_pages(encoding: str, told: str) -> None:
    if encoding in ("utf-16", "iso2022_jp") and told != "header":
        return  # the former has a mark of its own, the latter cannot be told from ASCII
    meta = f'<meta charset="{encoding}">' if told == "page" else ""
    html = f"<html>{meta}<p>高収入の仕事、日払い</p>"
    header = f"text/html; charset={encoding.replace('_', '-')}" if told == "header" else "text/html"
    assert visible_text(decoded(html.encode(encoding), header)) == "高収入の仕事、日払い"


@pytest.mark.parametrize(
    "named", ["hex", "zip", "base64", "rot13", "idna", "punycode", "undefined", "utf-7", "unicode_escape"]
)
@pytest.mark.parametrize("told", ["header", "page"])
def test_what_is_no_encoding_of_pages_is_passed_over(named: str, told: str) -> None:
    html = f'<html><meta charset="{named if told == "page" else ""}"><p>日払い +ADw-b+AD4- \\u0041</p>'
    header = f"text/html; charset={named}" if told == "header" else "text/html"
    assert visible_text(decoded(html.encode(), header)) == "日払い +ADw-b+AD4- \\u0041"


@given(st.binary(max_size=2000))
def test_whatever_comes_is_read_somehow(body: bytes) -> None:
    read_page(decoded(body, "text/html"), URL)


@given(st.text(alphabet="<>/=\"' abpdivspansctemrop!-&;#", max_size=400))
def test_broken_markup_is_read_somehow(html: str) -> None:
    assert "\x1e" not in read_page(html, URL).text


@pytest.mark.parametrize(
    "html",
    ["<div>" * 200_000 + "end", "<div itemscope>" * 100_000 + "end", "<b>" * 200_000 + "end", "<" * 1_000_000 + " end",
     "<p>" * 300_000 + "end", "<table><tr><td>" * 60_000 + "end"],
)  # fmt: skip
def test_a_page_made_to_keep_us_busy_does_not(html: str) -> None:
    began = time.monotonic()
    assert read_page(html, URL).text.endswith("end")
    assert time.monotonic() - began < 10


def test_unpacking_has_a_limit() -> None:
    assert unpacked(b"plain", 3) == b"plain"
    assert unpacked(gzip.compress(b"x" * 100), 100) == b"x" * 100
    with pytest.raises(TooLong):
        unpacked(gzip.compress(b"x" * 101), 100)
    with pytest.raises(TooLong):
        unpacked(gzip.compress(bytes(50_000_000)), 1000)
    for broken in (gzip.compress(b"x" * 100)[:-9], b"\x1f\x8bnonsense"):
        with pytest.raises(TryLater):
            unpacked(broken, 1000)


def names(body: bytes, content_type: str = "") -> list[str]:
    return [local(element) for event, element in elements(body, content_type, "a feed") if event == "end"]


def test_xml_in_the_encoding_it_names() -> None:
    for encoding in ("utf-8", "shift_jis", "euc-jp", "utf-16"):
        body = f'<?xml version="1.0" encoding="{encoding}"?>\n<a xmlns="u:x"><B>日①</B><!-- c --></a>'
        body = body.replace("①", "") if encoding == "euc-jp" else body
        raw = body.encode("cp932" if encoding == "shift_jis" else encoding)
        assert names(raw) == ["b", "a"]
    assert names("<a>日</a>".encode("cp932"), "text/xml; charset=Shift_JIS") == ["a"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<a>", b"<a><b></a>", b"not xml", b"<a>&unknown;</a>", b"<a>\xff</a>", b'<?xml version="1.0" encoding="x"?><a/>',
        b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
        b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
        b"<a>" * 101 + b"</a>" * 101, b"\x00",
        b'<?xml version="1.0" encoding="base64"?><a/>',
        b'<?xml version="1.0" encoding="utf-7"?><a/>', b'<?xml version="1.0" encoding="punycode"?><a/>-',
    ],
)  # fmt: skip
def test_what_is_not_xml_or_hostile(body: bytes) -> None:
    with pytest.raises(NotXml, match="a feed"):
        names(body)
