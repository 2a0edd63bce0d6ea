from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON, Clock, ClockNet, posts, removals, skips
from tests.servers.site import Site, page, site_server
from yoake.collect.connector import Known, Liveness, Page
from yoake.collect.connectors.job_posting import JobPosting
from yoake.collect.net import Denied, Net
from yoake.errors import BadInput, Refused, TryLater

AD = {
    "@context": "https://schema.org/",
    "@type": "JobPosting",
    "title": "倉庫内の仕分け",
    "description": "<p>商品の仕分け</p><ul><li>未経験可</li></ul>",
    "identifier": {"@type": "PropertyValue", "value": "A-1"},
    "datePosted": "2026-11-20",
    "employmentType": ["PART_TIME", "PER_DIEM"],
    "hiringOrganization": {
        "@type": "Organization",
        "name": "架空物流株式会社",
        "sameAs": "https://logistics.example",
        "telephone": "00-0000-0000",
        "address": {"addressRegion": "架空県", "addressLocality": "見本市", "streetAddress": "一丁目1-1"},
    },
    "jobLocation": {
        "@type": "Place",
        "address": {"@type": "PostalAddress", "addressCountry": "JP", "addressRegion": "架空県", "addressLocality": "見本市"},
    },
    "baseSalary": {"currency": "JPY", "value": {"@type": "QuantitativeValue", "minValue": 9000, "maxValue": 12000, "unitText": "DAY"}},
}  # fmt: skip


def ad(number: int, **changes: Any) -> str:
    told = {**AD, "title": f"仕事{number}", **changes}
    return page("求人", "本文", f'<script type="application/ld+json">{orjson.dumps(told).decode()}</script>')


def sitemap(site: Site, *entries: tuple[str, str]) -> str:
    told = "".join(
        f"<url><loc>{site.address}{path}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</url>"
        for path, day in entries
    )
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{told}</urlset>'


def board(site: Site, count: int, day: str = "2026-11-19") -> str:
    """A board of some jobs; its sitemap."""
    for number in range(count):
        site.put(f"/jobs/{number}", ad(number))
    return site.put("/sitemap.xml", sitemap(site, *[(f"/jobs/{n}", day) for n in range(count)]), "application/xml")


def read(
    url: str, cursor: str | None = None, *, rounds: int = 1, clock: Clock | None = None, **options: Any
) -> list[Page]:
    """The pages of so many rounds, without the empty ones that only show life."""
    settings_ = JobPosting.Options(url, **{"delay_s": 0.0, "every_s": 600.0, **options})
    found: list[Page] = []
    reading = JobPosting().pages(settings_, cursor, ClockNet(clock or Clock(), wait_s=60))
    for one in islice(reading, 20_000):
        if one.seen_until is None:
            continue
        found.append(one)
        rounds -= '"began":""' in (one.cursor or "")
        if rounds == 0:
            break
    return found


def titles(pages: list[Page]) -> list[str]:
    return [row["text"].partition("\n")[0] for row in posts(pages)]


def test_a_posting_becomes_the_text_of_an_ad() -> None:
    with site_server() as site:
        url = site.put("/sitemap.xml", sitemap(site, ("/jobs/1", "")), "text/xml")
        site.put("/jobs/1", ad(1))
        pages = read(url)
        (post,) = posts(pages)
        assert post["text"].split("\n") == [
            "仕事1",
            "会社名: 架空物流株式会社",
            "所在地: 架空県見本市一丁目1-1",
            "連絡先: 00-0000-0000",
            "勤務地: 架空県見本市",
            "給与: 日給9,000〜12,000円",
            "雇用形態: アルバイト・パート、日雇い",
            "仕事内容: 商品の仕分け",
            "未経験可",
        ]
        assert (post["network"], post["native_id"], post["url"]) == (
            "web",
            f"{site.address}/jobs/1",
            f"{site.address}/jobs/1",
        )
        assert (post["author_id"], post["author_name"], post["lang"]) == (
            "https://logistics.example", "架空物流株式会社", "ja",
        )  # fmt: skip
        assert post["posted_at"] == datetime(2026, 11, 19, 15, tzinfo=UTC)  # midnight in Tokyo
        assert skips(pages) == []
        assert posts(read(url, time_zone=""))[0]["posted_at"] is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"baseSalary": {"currency": "JPY", "value": {"value": "1500", "unitText": "HOUR"}}}, "給与: 時給1500円"),
        ({"baseSalary": {"currency": "USD", "value": 20, "unitText": "HOUR"}}, "給与: 時給20 USD"),
        ({"baseSalary": "応相談"}, "給与: 応相談"),
        ({"jobLocationType": "TELECOMMUTE", "jobLocation": None}, "勤務地: 在宅"),
        (
            {"jobLocation": [{"address": "架空県"}, {"address": {"addressLocality": "別の市"}}]},
            "勤務地: 架空県、別の市",
        ),
        ({"employmentType": "SOMETHING_NEW"}, "雇用形態: SOMETHING_NEW"),
        ({"hiringOrganization": "架空商店"}, "会社名: 架空商店"),
        ({"hiringOrganization": {"name": "x", "contactPoint": {"email": "a@x.example"}}}, "連絡先: a@x.example"),
    ],
)
def test_ways_to_write_a_posting(changes: dict[str, Any], line: str) -> None:
    with site_server() as site:
        site.put("/1", ad(1, **changes))
        (post,) = posts(read(f"{site.address}/1"))
        assert line in post["text"].split("\n")


@given(
    st.dictionaries(
        st.sampled_from([*AD, "url", "workHours", "image", "applicationContact", "inLanguage"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(1 << 63), (1 << 63) - 1)
            | st.floats(allow_nan=False)
            | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["@type", "name", "value", "address", "minValue", "unitText"]), inner)
            ),
            max_leaves=8,
        ),
    )
)
def test_whatever_a_posting_says_is_read_or_counted(told: dict[str, Any]) -> None:
    from yoake.collect.jobs import postings_of_page
    from yoake.collect.net import Response

    told = {**told, "@type": "JobPosting"}
    html = f'<script type="application/ld+json">{orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS).decode()}</script>'
    rows, notes = postings_of_page(Response(200, "https://b.example/1", {}, html.encode()), None, NOON)
    assert rows or notes


def test_several_offers_on_one_page_are_told_apart_or_counted() -> None:
    ads: list[dict[str, Any]] = [{**AD, "title": f"t{n}", "identifier": f"n{n}"} for n in range(2)]
    ads += [{**AD, "title": "own", "url": "/jobs/own"}, {**AD, "title": "u", "identifier": None}]
    with site_server() as site:
        ads[2]["url"] = f"{site.address}/jobs/own"
        told = orjson.dumps({"@graph": ads}).decode()
        url = site.put("/list", page("l", "x", f'<script type="application/ld+json">{told}</script>'))
        pages = read(url)
        assert [row["native_id"] for row in posts(pages)] == [f"{url}#n0", f"{url}#n1", f"{site.address}/jobs/own"]
        assert skips(pages) == [("no_id", url, False)]


def test_sitemaps_by_robots_txt_index_and_gz() -> None:
    with site_server() as site:
        for number in range(4):
            site.put(f"/jobs/{number}", ad(number))
        site.put("/about", page("会社案内", "x"))
        packed = gzip.compress(sitemap(site, ("/jobs/0", "2026-11-19"), ("/jobs/1", "2026-11-18")).encode())
        site.put("/a.xml.gz", packed, "application/gzip")
        more = sitemap(site, ("/jobs/2", "2026-11-20T10:00:00+09:00"), ("/about", "2026-11-01"))
        site.put(
            "/b.xml",
            more.replace("</urlset>", "<url><loc>https://other.example/jobs/3</loc></url></urlset>"),
            "text/xml",
        )
        inner = "".join(
            f"<sitemap><loc>{site.address}/{name}</loc></sitemap>" for name in ("a.xml.gz", "b.xml", "c.xml", "d.xml")
        )
        site.put("/index.xml", f"<sitemapindex>{inner}</sitemapindex>", "text/xml")
        site.put("/c.xml", "<urlset><url>", "text/xml")  # one of many is broken, another is gone
        site.put("/robots.txt", f"User-agent: *\nDisallow: /private\nSitemap: {site.address}/index.xml", "text/plain")
        site.put("/", page("求人板", "x"))
        pages = read(f"{site.address}/", days=365)
        assert titles(pages) == ["仕事1", "仕事0", "仕事2"]  # the oldest change first
        assert sorted(skips(pages)) == [
            ("no_job", f"{site.address}/about", False),
            ("other_site", f"1 of {site.address}/b.xml", False),
            ("sitemap_failed", f"{site.address}/c.xml", False),
            ("sitemap_failed", f"{site.address}/d.xml", False),
        ]
        assert titles(read(f"{site.address}/index.xml", only="/jobs/1")) == ["仕事1"]


def test_a_round_reads_what_changed_since_the_last() -> None:
    with site_server() as site:
        url = board(site, 3)
        clock = Clock()
        first = read(url, clock=clock)
        assert titles(first) == ["仕事0", "仕事1", "仕事2"]
        cursor = first[-1].cursor
        clock.at += timedelta(days=4)
        site.asked.clear()
        assert titles(read(url, cursor, clock=clock)) == []
        assert site.asked == ["/robots.txt", "/sitemap.xml 304"]
        site.put("/jobs/1", ad(1, title="書き換え"))
        site.say("/jobs/2", 410)
        day = clock.at.date().isoformat()
        site.put(
            "/sitemap.xml", sitemap(site, ("/jobs/0", "2026-11-19"), ("/jobs/1", day), ("/jobs/2", day)), "text/xml"
        )
        second = read(url, cursor, clock=clock)
        assert titles(second) == ["書き換え"]
        assert [(row["native_id"], row["state"]) for row in removals(second)] == [(f"{site.address}/jobs/2", "removed")]


def test_the_first_round_does_not_dig_up_old_jobs() -> None:
    with site_server() as site:
        site.put("/1", ad(1))
        site.put("/2", ad(2))
        url = site.put("/s.xml", sitemap(site, ("/1", "2026-09"), ("/2", "2026-11-01")), "text/xml")
        assert titles(read(url)) == ["仕事2"]
        assert titles(read(url, days=365)) == ["仕事1", "仕事2"]


def test_what_may_not_be_read_is_counted_and_the_rest_is_read() -> None:
    with site_server() as site:
        url = board(site, 6)
        site.put("/robots.txt", "User-agent: *\nDisallow: /jobs/0", "text/plain")
        site.say("/jobs/1", 403)
        site.turn("/jobs/2", "/login?next=/jobs/2")
        site.say("/jobs/3", 500)
        site.put("/jobs/4", b"x" * 5_000_001)
        pages = read(url)
        assert titles(pages) == ["仕事5"]
        assert [reason for reason, _, _ in skips(pages)] == [
            "robots",
            "too_long",
            "not_let_in",
            "not_let_in",
            "page_failed",
        ]
        assert site.asked.count("/jobs/3") == 2  # at the end of the round once more
        assert site.asked.count("/login?next=/jobs/2") == 0


def test_a_site_that_goes_away_is_met_again_where_it_was() -> None:
    with site_server() as site:
        url = board(site, 40)
        broken = range(2, 30)
        for number in broken:
            site.say(f"/jobs/{number}", 502)
        found: list[Page] = []
        reading = JobPosting().pages(JobPosting.Options(url, delay_s=0), None, ClockNet(Clock()))
        with pytest.raises(TryLater, match="502"):
            found.extend(islice(reading, 1000))
        assert titles(found) == ["仕事0", "仕事1"]
        for number in broken:
            site.put(f"/jobs/{number}", ad(number))
        rest = read(url, found[-1].cursor)
        assert sorted(titles(found) + titles(rest)) == sorted(f"仕事{n}" for n in range(40))


def test_pages_that_always_fail_do_not_stop_the_board() -> None:
    with site_server() as site:
        url = board(site, 10)
        for number in (1, 2, 3, 5, 7):
            site.say(f"/jobs/{number}", 500 if number != 5 else 403)
        pages = read(url)
        assert len(posts(pages)) == 5
        assert [reason for reason, _, _ in skips(pages)] == ["page_failed"] * 3 + ["not_let_in", "page_failed"]
        cut = next(one.cursor for one in pages if "/jobs/6" in (one.cursor or ""))
        assert [reason for reason, _, _ in skips(read(url, cut))] == [reason for reason, _, _ in skips(pages)]
        site.put("/jobs/2", ad(2))  # killed while it was still to be asked for again
        assert titles(read(url, cut)) == ["仕事8", "仕事9", "仕事2"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["", "2026-11-18", "2026-11-19"]), max_size=7), st.data())
def test_resuming_anywhere_is_reading_once(days: list[str], data: st.DataObject) -> None:
    with site_server() as site:
        for number in range(len(days)):
            site.put(f"/jobs/{number}", ad(number))
        url = site.put("/s.xml", sitemap(site, *[(f"/jobs/{n}", day) for n, day in enumerate(days)]), "text/xml")
        whole = read(url)
        assert sorted(titles(whole)) == [f"仕事{n}" for n in range(len(days))]
        cut = data.draw(st.integers(0, len(whole) - 1))
        rest = read(url, whole[cut - 1].cursor if cut else None)
        assert titles(whole[:cut]) + titles(rest) == titles(whole)


# --- feeds of jobs ----------------------------------------------------------------------------------------------------


def feed(*numbers: int, edited: int = -1) -> str:
    jobs = "".join(
        f"<job><title><![CDATA[仕事{n}{'改' if n == edited else ''}]]></title><date>2026-11-20</date>"
        f"<referencenumber>r{n}</referencenumber><url>https://board.example/j/{n}?utm_source=feed</url>"
        "<company>架空商店</company><state>架空県</state><city>見本市</city><phone>00-0000-0000</phone>"
        "<description><![CDATA[<p>接客</p>]]></description><salary>時給1,200円</salary><jobtype>PART_TIME</jobtype></job>"
        for n in numbers
    )
    return f'<?xml version="1.0" encoding="utf-8"?><source><publisher>架空</publisher>{jobs}</source>'


def test_a_feed_of_jobs() -> None:
    with site_server() as site:
        url = site.put("/jobs.xml", feed(1).replace("https://board.example", site.address), "application/xml")
        (post,) = posts(read(url))
        assert post["native_id"] == f"{site.address}/j/1"
        (elsewhere,) = posts(read(site.put("/elsewhere.xml", feed(1), "application/xml")))
        assert elsewhere["native_id"][16:] == "/https://board.example/j/1"  # no feed words another site's page
        assert elsewhere["url"] == "https://board.example/j/1"
        assert post["text"].split("\n") == [
            "仕事1", "会社名: 架空商店", "連絡先: 00-0000-0000", "勤務地: 架空県 見本市", "給与: 時給1,200円",
            "雇用形態: アルバイト・パート", "仕事内容: 接客",
        ]  # fmt: skip
        told = feed(1).replace("<url>https://board.example/j/1?utm_source=feed</url>", "")
        (numbered,) = posts(read(site.put("/other.xml", told, "text/xml")))
        assert (numbered["native_id"][16:], numbered["url"]) == ("/r1", "")
        empty = "<source><job><title>a</title></job><job><url>https://b.example/</url></job></source>"
        assert skips(read(site.put("/odd.xml", empty, "text/xml"))) == [
            ("no_id", "job 1", False), ("no_text", "job 2", False),
        ]  # fmt: skip


def test_a_feed_resumes_and_is_asked_for_conditionally() -> None:
    with site_server() as site:
        url = site.put("/jobs.xml", feed(*range(1201)), "application/xml")
        clock = Clock()
        pages = read(url, clock=clock)
        assert [one.posts.num_rows for one in pages] == [500, 500, 201, 0]
        for cut in range(1, 4):
            assert titles(pages[:cut]) + titles(read(url, pages[cut - 1].cursor, clock=Clock())) == titles(pages)
        site.asked.clear()
        clock.at += timedelta(hours=1)
        assert titles(read(url, pages[-1].cursor, clock=clock)) == []
        assert site.asked[-1] == "/jobs.xml 304"
        site.put("/jobs.xml", feed(1, 2), "application/xml")  # replaced while it was half read: from its beginning
        assert titles(read(url, pages[0].cursor, clock=Clock())) == ["仕事1", "仕事2"]


# --- settings, errors, checks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Refused), (410, Refused), (401, Denied), (403, Denied), (500, TryLater), (429, TryLater)],
)
def test_a_sitemap_that_does_not_come(status: int, error: type[Exception]) -> None:
    with site_server() as site, pytest.raises(error):
        read(site.say("/sitemap.xml", status))


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [("<rss></rss>", "text/xml", Refused), ("{}", "application/json", TryLater), ("<urlset><url>", "text/xml", TryLater),
     (gzip.compress(bytes(60_000_000)), "application/gzip", TryLater)],
)  # fmt: skip
def test_what_is_no_sitemap(body: str | bytes, kind: str, error: type[Exception]) -> None:
    with site_server() as site, pytest.raises(error):
        read(site.put("/sitemap.xml", body, kind))


def test_settings_and_cursor_are_checked() -> None:
    fine = "https://a.example/"
    for options in (JobPosting.Options(fine, every_s=599), JobPosting.Options(fine, days=-1), JobPosting.Options(),
                    JobPosting.Options(fine, delay_s=-1), JobPosting.Options(fine, time_zone="Tokyo")):  # fmt: skip
        with pytest.raises(BadInput):
            list(JobPosting().pages(options, None, Net()))
    for cursor in ("x", "[]", '{"nonsense":1}', '{"began":"yesterday"}', '{"url":1}', '{"row":"x"}'):
        with pytest.raises(BadInput):
            list(JobPosting().pages(JobPosting.Options(fine), cursor, Net()))


def test_rounds_begin_when_they_are_due_and_stopping_is_prompt() -> None:
    with site_server() as site:
        url = board(site, 1)
        clock = Clock()
        net = ClockNet(clock, stop_at=clock.at + timedelta(seconds=900))
        options = JobPosting.Options(url, every_s=600, delay_s=0)
        pages = list(JobPosting().pages(options, None, net))
        assert site.asked[:3] == ["/robots.txt", "/sitemap.xml", "/jobs/0"]
        assert site.asked.count("/sitemap.xml") + site.asked.count("/sitemap.xml 304") == 2
        assert len(pages) > 800  # an empty one a second


def test_check_compares_the_posting() -> None:
    with site_server() as site:
        url = board(site, 3)
        first, second, third = posts(read(url))
        net = Net(allow_private=True)
        site.put("/jobs/1", ad(1, title="書き換え"))
        site.say("/jobs/2", 404)
        known = [Known(row["native_id"], row["content_hash"]) for row in (first, second, third)]
        options = JobPosting.Options(url, delay_s=0)
        assert [one.state for one in JobPosting().check_known(known, options, net)] == ["up", "edited", "removed"]
        assert JobPosting().check([first["native_id"]], options, net)[0].state == "up"
        site.put("/jobs/0", page("終了", "この求人は終わりました"))
        assert JobPosting().check_known(known[:1], options, net)[0].state == "edited"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_offer_of_a_feed_is_edited_when_its_page_changes_and_not_before(*, elsewhere: bool) -> None:
    """A feed words an offer otherwise than its page: the first look at the page is what later ones compare with."""
    with site_server() as site, site_server() as other:
        told = feed(1).replace("https://board.example", (other if elsewhere else site).address)
        if elsewhere:
            told = told.replace("127.0.0.1", "localhost")
        (row,) = posts(read(site.put("/jobs.xml", told, "application/xml")))
        there, net, options = other if elsewhere else site, Net(allow_private=True), JobPosting.Options(delay_s=0)
        there.put("/j/1", ad(1))

        def look(stamp: str = "") -> Liveness:
            known = Known(row["native_id"], row["content_hash"], stamp, labels=tuple(row["labels"]))
            (found,) = JobPosting().check_known([known], options, net)
            return found

        first = look()
        assert (first.state, first.content_hash) == ("up", row["content_hash"])
        again = look(first.stamp)
        assert again.state == "up"
        there.put("/j/1", ad(1, title="書き換え"))
        assert look(again.stamp).state == "edited"
        there.put("/j/1", page("終了", "この求人は終わりました"))
        assert look(again.stamp).state == "edited"
        assert look().state == "up"  # a page that never had one
        (anew,) = JobPosting().read(row["native_id"], options, net).to_pylist() or [None]
        assert anew is None
        there.put("/j/1", ad(1))
        (anew,) = JobPosting().read(row["native_id"], options, net).to_pylist()
        assert anew["uid"] == row["uid"]
        there.say("/j/1", 404)
        assert look(again.stamp).state == "removed"
