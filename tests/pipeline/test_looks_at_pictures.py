"""The second look at pictures: which are fetched and read, from whom, and what becomes of short posts with a weak cue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests import needs
from tests.collect.loopback import http_server, respond
from tests.drawing import HARMLESS, octets, photograph, poster
from tests.pipeline.test_second_look import OFFER, PLEA, kinds, rows, switched
from tests.servers.pds import Pds
from tests.servers.proxy import Proxy, proxy_server
from tests.servers.site import site_server
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case, Erasure, Finding, Post, SecondLook
from yoake.casework.people.models import Organisation
from yoake.casework.sources.models import Source
from yoake.errors import BadInput
from yoake.pipeline.duties.second_look import second_look
from yoake.pipeline.pictures import Fetcher

pytestmark = pytest.mark.django_db

__all__ = ["switched"]  # a fixture


class Gallery:
    """Pictures on loopback, by path; counts what was fetched."""

    def __init__(self) -> None:
        self.pictures: dict[str, tuple[int, str, bytes]] = {}
        self.fetched: list[str] = []
        self.url = ""

    def hang(self, name: str, content: bytes, mime: str = "image/png", status: int = 200) -> dict[str, Any]:
        self.pictures[f"/{name}"] = status, mime, content
        return {
            "ref": f"{self.url}/{name}",
            "alt": "",
            "mime": mime if mime.startswith("image/") else "",
            "size_bytes": None,
        }

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.fetched.append(handler.path)
        status, mime, content = self.pictures[handler.path]
        respond(handler, status, content, Content_Type=mime)


@pytest.fixture
def gallery(switched: Callable[..., None]) -> Iterator[Gallery]:
    needs.need("tesseract")
    switched(pictures=True)
    gallery = Gallery()
    with http_server(gallery.answer) as url:
        gallery.url = url
        yield gallery


def test_a_queued_posts_picture_is_read(gallery: Gallery, live: Source) -> None:
    image = gallery.hang("ad.png", octets(poster()))
    arrive(live, [post(images=[image])], [finding(score=0.4, grade="mid")])
    assert second_look(NOON) == 1
    case = Case.objects.get()
    assert rows() == [("pictures", "found", "")]
    said = Finding.objects.get(detector="pictures", category=OFFER)
    assert any(span["field"] == "image:1" for span in said.body["spans"])
    assert case.score == said.score > 0.4
    assert kinds(case) == ["case_opened", "second_look"]


def test_posts_without_pictures_have_no_row(gallery: Gallery, live: Source) -> None:
    arrive(live, [post()], [finding()])
    assert rows() == []


@pytest.mark.parametrize(
    ("row", "said", "outcome"),
    [
        ({"labels": ["porn"]}, {}, "adult_label"),
        ({"text": "JK 円光"}, {}, "minor_and_sex"),
        ({"profile": "17歳 えっち好き"}, {}, "minor_and_sex"),
        ({}, {"category": PLEA, "score": 0.6, "grade": "mid"}, "at_risk"),
        ({}, {"category": "minor_approach", "score": 0.6, "grade": "mid"}, "minor_and_sex"),
    ],
)
def test_never_fetched(gallery: Gallery, live: Source, row: dict[str, Any], said: dict[str, Any], outcome: str) -> None:
    image = gallery.hang("a.png", octets(poster()))
    arrive(live, [post(images=[image], **row)], [finding(**said)])
    second_look(NOON)
    assert gallery.fetched == []
    assert rows() == [("pictures", outcome, "")]


def test_not_fetched_once_the_post_is_gone(gallery: Gallery, live: Source) -> None:
    arrive(live, [post(images=[gallery.hang("a.png", octets(poster()))])], [finding()])
    Post.objects.update(gone_state="deleted_by_author")
    second_look(NOON)
    assert (gallery.fetched, rows()) == ([], [("pictures", "gone", "")])


@pytest.mark.parametrize(
    ("content", "mime", "status", "outcome"),
    [
        (b"<html>", "text/html", 200, "wrong_type"),
        (b"\x89PNG but not", "image/png", 200, "wrong_type"),
        (b"", "image/png", 404, "not_there"),
        (b"", "image/png", 403, "refused"),
        (b"\x89PNG" + b"\0" * 5_000_001, "image/png", 200, "too_big"),
    ],
)
def test_what_cannot_be_read_is_said(gallery: Gallery, live: Source, content: bytes, mime: str, status: int, outcome: str) -> None:  # fmt: skip
    arrive(live, [post(images=[gallery.hang("a", content, mime, status)])], [finding()])
    second_look(NOON)
    assert rows() == [("pictures", outcome, "")]


def test_a_picture_on_a_private_network_is_not_fetched(gallery: Gallery, live: Source, switched: Callable[..., None]) -> None:  # fmt: skip
    arrive(live, [post(images=[gallery.hang("a.png", octets(poster()))])], [finding()])
    switched(pictures=True, allow_private=False)
    second_look(NOON)
    assert (gallery.fetched, rows()) == ([], [("pictures", "refused", "")])


def test_a_source_that_hides_who_asks_hides_it_at_its_pictures_too(
    police: Organisation, switched: Callable[..., None]
) -> None:
    with site_server() as site, proxy_server(Proxy()) as proxy:
        switched(pictures=True, secrets={"way_out": proxy.address})
        url = site.put("/a.png", octets(poster()), "image/png")
        options = {"url": url, "user_agent": "Mozilla/5.0", "proxy": "way_out"}
        row = {"network": "web", "native_id": url, "images": [{"ref": url}]}
        hidden = Source(organisation=police, name="feed", connector="rss", options=options)
        assert Fetcher(hidden)(row, 1) == octets(poster())
        assert (site.agents, [line.split()[1] for line in proxy.seen]) == ({"Mozilla/5.0"}, [url])
        for source in (None, Source(organisation=police, name="x", connector="went")):
            with pytest.raises(BadInput):
                Fetcher(source)(row, 1)
        assert site.pages_asked() == ["/a.png"]


def test_a_host_that_is_away_is_tried_for_hours_and_holds_up_no_other(gallery: Gallery, live: Source) -> None:
    away = {"ref": "http://127.0.0.1:9/a.png", "alt": "", "mime": "", "size_bytes": None}
    here = gallery.hang("b.png", octets(photograph(200, 200)))
    arrive(live, [post("1", images=[away]), post("2", images=[here])], [finding(0), finding(1)])
    assert second_look(NOON) == 2
    assert [outcome for _d, outcome, _p in rows()] == ["", "nothing"]
    now = NOON
    for _try in range(8):
        now += timedelta(hours=7)
        second_look(now)
    assert rows()[0][1] == "unreachable"


@pytest.mark.server
def test_a_picture_of_bluesky_comes_through_the_connector(
    pds: Pds, police: Organisation, switched: Callable[..., None]
) -> None:
    needs.need("tesseract")
    switched(pictures=True)
    pds.start()
    ref = pds.writer().post("詳しくは画像", images=[octets(poster())]).uri
    picture = pds.record(ref)["value"]["embed"]["images"][0]["image"]
    options = {"api": pds.url, "plc": pds.plc_url}
    source = Source.objects.create(organisation=police, name="b", connector="bluesky_firehose", options=options)
    image = {"ref": picture["ref"]["$link"], "alt": "", "mime": picture["mimeType"], "size_bytes": picture["size"]}
    arrive(source, [post(ref, network="bluesky", images=[image])], [finding(score=0.4, grade="mid")])
    second_look(NOON)
    assert rows() == [("pictures", "found", "")]


def test_a_picture_without_an_address_or_a_source_that_knows_it(gallery: Gallery, live: Source) -> None:
    image = {"ref": "bafkreihdwdcefgh4", "alt": "", "mime": "", "size_bytes": None}
    arrive(live, [post(images=[image])], [finding()])
    second_look(NOON)
    assert rows() == [("pictures", "no_way", "")]


# --- short posts with a picture and a weak cue ------------------------------------------------------------------------


WEAK = finding(score=0.05, grade="low", spans=[{"field": "text", "start": 0, "end": 2, "text": "高額", "cue": "lure", "weight": 1.0}])  # fmt: skip


@pytest.fixture
def weak(gallery: Gallery, switched: Callable[..., None]) -> Gallery:
    switched(pictures=True, pictures_weak_per_day=3)
    return gallery


def test_a_picture_brings_a_weak_post_to_the_desk(weak: Gallery, live: Source) -> None:
    image = weak.hang("ad.png", octets(poster()))
    taken = arrive(live, [post(text="高額 詳しくは画像", author_id="a", images=[image])], [WEAK])
    assert taken.counts["pictures_to_read"] == 1
    assert not Case.objects.exists()
    assert Erasure.objects.get().why == "unqueued"
    second_look(NOON)
    case = Case.objects.get()
    assert (case.organisation_id, case.source_id, case.category) == (live.organisation_id, live.pk, OFFER)
    assert {f.detector for f in Finding.objects.all()} == {"test", "pictures"}
    assert not Erasure.objects.exists()
    assert kinds(case) == ["second_look", "case_opened"]


def test_a_weak_post_with_a_harmless_picture_leaves_nothing(weak: Gallery, live: Source) -> None:
    image = weak.hang("a.png", octets(poster(HARMLESS)))
    arrive(live, [post(text="高額 詳しくは画像", author_id="a", images=[image])], [WEAK])
    assert Post.objects.exists()
    second_look(NOON)
    for kind in (Post, Finding, SecondLook, Erasure, Case):
        assert not kind.objects.exists(), kind
    assert list(Entry.objects.values_list("kind", flat=True)) == ["erased"]


def test_a_weak_post_goes_after_a_day_whatever_happens(weak: Gallery, live: Source, switched: Callable[..., None]) -> None:  # fmt: skip
    from yoake.pipeline.duties.erase import erase as erase_due

    arrive(live, [post(text="高額", images=[weak.hang("a.png", octets(poster()))])], [WEAK])
    switched()  # switched off again before it was read
    assert second_look(NOON) == 0
    assert erase_due(NOON + timedelta(hours=23)) == 0
    assert erase_due(NOON + timedelta(hours=25)) == 1
    assert not Post.objects.exists()


def test_only_so_many_weak_posts_a_day(weak: Gallery, live: Source) -> None:
    image = weak.hang("a.png", octets(photograph(200, 200)))
    for hour, expected in ((0, 3), (1, 3), (13, 5)):  # at 12 the day ends in Tokyo
        rows = [post(f"{hour}-{n}", "高額", images=[image]) for n in range(2)]
        arrive(live, rows, [{**WEAK, "row": n} for n in range(2)], NOON + timedelta(hours=hour))
        assert Post.objects.count() == (2 if hour == 0 else expected)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"images": []}, WEAK),
        ({"text": "高額" + "あ" * 80}, WEAK),
        ({"labels": ["nudity"]}, WEAK),
        ({"text": "高額 JK エッチ"}, WEAK),
        ({}, {**WEAK, "category": PLEA}),
        ({}, {**WEAK, "category": "minor_approach"}),
        ({}, {**WEAK, "shadow": True}),
        ({}, {**WEAK, "spans": []}),
    ],
    ids=["no picture", "long", "adult", "minor", "at risk", "about a minor", "shadow", "no cue"],
)
def test_other_weak_posts_are_not_kept(weak: Gallery, live: Source, row: dict[str, Any], said: dict[str, Any]) -> None:
    image = weak.hang("a.png", octets(poster()))
    arrive(live, [post(**{"text": "高額", "images": [image], **row})], [said])
    assert not Post.objects.exists()


def test_a_weak_post_that_is_edited_into_an_offer_is_a_case_like_any(weak: Gallery, live: Source) -> None:
    image = weak.hang("a.png", octets(photograph(200, 200)))
    arrive(live, [post(text="高額", images=[image])], [WEAK])
    arrive(live, [post(text="受け子募集 日給10万", images=[image])], [finding()])
    assert Case.objects.count() == 1
    assert not Erasure.objects.exists()
    second_look(NOON)
    assert sorted(outcome for _d, outcome, _p in rows()) == ["nothing", "superseded"]
    assert Post.objects.exists()


def test_off_by_default_even_where_pictures_are_read(gallery: Gallery, live: Source) -> None:
    arrive(live, [post(text="高額", images=[gallery.hang("a.png", octets(poster()))])], [WEAK])
    assert not Post.objects.exists()
