"""What evidence has beside the words: the network's own answers, pictures that may be kept, a time stamp. All on loopback."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificates
from django.conf import settings as configured

from tests.collect.loopback import http_server, respond
from tests.drawing import octets, poster
from tests.evidence_world import LATER, SOON, queued, settle
from tests.servers.pds import Pds
from tests.servers.tsa import Tsa, make_authority, stamp_of, tsa_server
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.holds import lift_hold, place_hold
from yoake.casework.cases.models import Case, DailyUse, Post, PostVersion, SecondLook
from yoake.casework.cases.second_looks import finish_look
from yoake.casework.evidence import bags, stamps
from yoake.casework.evidence.actions import bag, keep_fetched
from yoake.casework.evidence.boxes import read_box
from yoake.casework.evidence.keys import key_of
from yoake.casework.evidence.models import Evidence
from yoake.casework.evidence.queries import holding_of
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import Refused
from yoake.pipeline.duties.capture import capture
from yoake.pipeline.duties.seal import seal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]


class Site:
    """Pages and pictures on loopback, by path."""

    def __init__(self) -> None:
        self.shown: dict[str, tuple[int, str, bytes]] = {}
        self.asked: list[str] = []
        self.url = ""

    def put(self, path: str, body: bytes, mime: str, status: int = 200) -> str:
        self.shown[path] = status, mime, body
        return self.url + path

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        if path != "/robots.txt":
            self.asked.append(path)
        status, mime, body = self.shown.get(path, (404, "text/plain", b""))
        respond(handler, status, body, Content_Type=mime, Set_Cookie="session=架空".encode().decode("latin-1"))


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    with http_server(made.answer) as url:
        made.url = url
        yield made


def inside(row: Evidence | None = None) -> dict[str, bytes]:
    row = row or Evidence.objects.get()
    row.refresh_from_db()
    return read_box(row, key_of(row))


# --- what the network answers -----------------------------------------------------------------------------------------


@pytest.fixture
def page_case(site: Site, police: Organisation) -> Case:
    """A page of a board as the connector read it, queued."""
    from yoake.collect.connectors.web_page import WebPage
    from yoake.pipeline.outside import outside

    url = site.put(
        "/a", "<html lang=ja><title>t</title><p>受け子募集 高額</p></html>".encode(), "text/html; charset=utf-8"
    )
    source = Source.objects.create(organisation=police, name="board", connector="web_page", options={"url": url})
    (page,) = WebPage().pages(WebPage.Options(url=url), None, outside())
    taken = arrive(source, page.posts.to_pylist(), [finding()])
    site.asked.clear()
    return Case.objects.get(pk=taken.opened[0])


def test_the_page_itself_is_kept_octet_for_octet(page_case: Case, site: Site) -> None:
    settle()
    found = inside()
    assert found["raw/1.body"] == site.shown["/a"][2]
    told = json.loads(found["raw/1.json"])
    assert (told["status"], told["url"], told["headers"]["content-type"]) == (
        200, f"{site.url}/a", "text/html; charset=utf-8",
    )  # fmt: skip
    assert "set-cookie" not in told["headers"]
    row = Evidence.objects.get()
    assert row.fetched == {"raw": "kept"}
    assert row.fetched_at == SOON
    assert site.asked == ["/a"]  # asked once
    assert DailyUse.objects.get(what__startswith="checks:").n == 1


def test_a_page_that_is_gone_is_evidence_too(page_case: Case, site: Site) -> None:
    site.put("/a", b"gone", "text/html", 410)
    settle()
    assert json.loads(inside()["raw/1.json"])["status"] == 410


def test_a_host_that_is_away_is_asked_again_and_not_for_ever(page_case: Case, site: Site) -> None:
    site.put("/a", b"", "text/html", 500)
    now = SOON
    for _ in range(6):
        settle(now)
        now += timedelta(hours=1)
    row = Evidence.objects.get()
    assert row.fetched == {"raw": "unreachable"}
    assert row.due_at is None
    assert 2 <= len(site.asked) <= 5


def test_a_host_is_not_asked_while_another_body_asks_to_keep_hands_off(
    page_case: Case, site: Site, as_outsider: Actor
) -> None:
    """Outside nobody learns that somebody asked so: not in the bag either."""
    placed = place_hold(as_outsider, "url", page_case.post.url, days=30, now=NOON)
    settle()
    row = Evidence.objects.get()
    assert (site.asked, row.fetched) == ([], {})
    assert row.due_at is not None
    lift_hold(as_outsider, placed.pk, now=SOON)
    settle(row.due_at)
    assert site.asked == ["/a"]

    site.asked.clear()
    place_hold(as_outsider, "url", page_case.post.url, days=30, now=SOON)
    Evidence.objects.update(due_at=SOON, attempts=0, fetched={}, fetched_at=None)
    now = SOON
    for _ in range(5):
        settle(now)
        now += timedelta(hours=1)
    assert (site.asked, Evidence.objects.get().fetched) == ([], {"raw": "not_asked"})


def test_a_source_that_is_off_is_not_asked(page_case: Case, site: Site) -> None:
    Source.objects.update(enabled=False)
    settle()
    assert (site.asked, Evidence.objects.get().fetched) == ([], {"raw": "source_off"})


def test_the_days_checks_of_a_host_are_the_limit(page_case: Case, site: Site, settings: Any) -> None:
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, checks_per_host=0)
    settle()
    assert (site.asked, Evidence.objects.get().fetched) == ([], {"raw": "not_asked"})


# --- pictures ---------------------------------------------------------------------------------------------------------


def image(ref: str, **more: Any) -> dict[str, Any]:
    return {"ref": ref, "alt": "", "mime": "image/png", "size_bytes": None, **more}


def test_pictures_are_kept_as_they_came(site: Site, live: Source, as_analyst: Actor) -> None:
    drawn = octets(poster())
    refs = [site.put(f"/{n}.png", drawn + bytes([n]), "image/png") for n in (1, 2)]
    case = queued(live, images=[image(ref) for ref in refs])
    settle()
    found = inside()
    assert [found[f"pictures/1-{n}.png"] for n in (1, 2)] == [drawn + bytes([n]) for n in (1, 2)]
    held = holding_of(as_analyst, case)
    assert held is not None
    assert (held.pictures, held.left_out) == (2, {})
    fetched = Entry.objects.get(kind="evidence_fetched")
    assert fetched.facts["pictures"] == 2


@pytest.mark.parametrize(
    ("row", "category", "why"),
    [
        ({"labels": ["porn"]}, "criminal_recruitment", "adult_label"),
        ({"text": "JK 円光"}, "criminal_recruitment", "minor_and_sex"),
        ({}, "coerced_applicant", "at_risk"),
        ({}, "minor_approach", "minor_and_sex"),
    ],
)
def test_never_fetched(site: Site, live: Source, row: dict[str, Any], category: str, why: str) -> None:
    ref = site.put("/1.png", octets(poster()), "image/png")
    queued(live, category=category, images=[image(ref)], **row)
    settle()
    assert site.asked == []
    assert Evidence.objects.get().fetched["1-1"] == why
    assert not [name for name in inside() if name.startswith("pictures/")]


def test_not_fetched_where_the_office_keeps_none(site: Site, live: Source, settings: Any) -> None:
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, evidence_pictures=False)
    queued(live, images=[image(site.put("/1.png", octets(poster()), "image/png"))])
    settle()
    assert (site.asked, Evidence.objects.get().fetched["1-1"]) == ([], "off")


def test_not_fetched_once_the_post_is_gone(site: Site, live: Source) -> None:
    queued(live, images=[image(site.put("/1.png", octets(poster()), "image/png"))])
    Post.objects.update(gone_state="deleted_by_author")
    settle()
    assert (site.asked, Evidence.objects.get().fetched["1-1"]) == ([], "gone")


@pytest.mark.parametrize(
    ("body", "mime", "status", "why"),
    [
        (b"<svg onload=alert(1)>", "image/png", 200, "wrong_type"),
        (b"", "image/png", 404, "not_there"),
        (b"", "image/png", 403, "refused"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5_000_001), "image/png", 200, "too_big"),
    ],
)
def test_what_cannot_be_kept_is_said(site: Site, live: Source, body: bytes, mime: str, status: int, why: str) -> None:
    queued(live, images=[image(site.put("/1.png", body, mime, status))])
    settle()
    assert Evidence.objects.get().fetched["1-1"] == why


def test_a_picture_whose_host_is_away_does_not_hold_sealing_up_for_long(
    site: Site, live: Source, in_scope: Callable[..., Case]
) -> None:
    case = queued(live, images=[image(site.put("/1.png", b"", "image/png", 503))])
    settle()
    in_scope(case)
    settle()
    assert Evidence.objects.get().state == "provisional"
    settle(SOON + timedelta(minutes=10))
    assert Evidence.objects.get().state == "sealed"
    assert capture(SOON + timedelta(days=1)) == 0


def test_a_picture_goes_when_a_second_look_reads_in_it_that_it_must(site: Site, live: Source) -> None:
    case = queued(live, images=[image(site.put("/1.png", octets(poster()), "image/png"))])
    settle()
    assert "pictures/1-1.png" in inside()
    look = SecondLook.objects.create(version_id=case.post.current_id or 0, detector="pictures", due_at=NOON)
    finish_look(look, "minor_and_sex", [], LATER)
    settle(LATER)
    assert "pictures/1-1.png" not in inside()
    assert Evidence.objects.get().fetched["1-1"] == "minor_and_sex"


def test_what_nobody_foresaw_of_one_picture_holds_up_no_other_case(
    site: Site, live: Source, mishaps: list[str]
) -> None:
    odd = queued(live, images=[image(site.put("/1.png", octets(poster()), "image/png"))])
    PostVersion.objects.filter(post=odd.post).update(images=[{"mime": "image/png"}])  # as no connector should say it
    queued(live, "2")
    settle()
    row, other = (Evidence.objects.get(case__post__native_id=native_id) for native_id in ("1", "2"))
    assert (row.fetched_at, row.problem) == (None, "KeyError")
    assert other.fetched_at == SOON
    assert [line.split(" at ")[0] for line in mishaps] == [f"evidence {row.pk} failed: KeyError"]
    for _ in range(3):
        assert row.due_at is not None
        capture(row.due_at)
        row.refresh_from_db()
    assert (row.fetched["1-1"], row.due_at) == ("unreachable", None)
    mishaps.clear()


def test_a_full_disk_puts_off_the_one_case(live: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(live)
    queued(live, "2")
    seal(SOON)

    def full(row_id: int, *given: Any) -> bool:
        if row_id == Evidence.objects.earliest("pk").pk:
            raise OSError(28, "No space left on device")
        return keep_fetched(row_id, *given)

    monkeypatch.setattr("yoake.pipeline.duties.capture.keep_fetched", full)
    assert capture(SOON) == 2
    row, other = Evidence.objects.order_by("pk")
    assert (row.fetched_at, row.problem, other.fetched_at) == (None, "OSError", SOON)
    assert row.due_at is not None
    assert row.due_at > SOON


@pytest.mark.server
def test_a_bluesky_post_is_kept_as_its_server_says_it(pds: Pds, police: Organisation) -> None:
    """The record as the real server answers it, and the picture's octets."""
    pds.start()
    drawn = octets(poster())
    ref = pds.writer().post("受け子募集 詳しくは画像", images=[drawn]).uri
    record = pds.record(ref)
    picture = record["value"]["embed"]["images"][0]["image"]
    options = {"api": pds.url, "plc": pds.plc_url}
    source = Source.objects.create(organisation=police, name="b", connector="bluesky_firehose", options=options)
    shown = {"ref": picture["ref"]["$link"], "alt": "", "mime": picture["mimeType"], "size_bytes": picture["size"]}
    arrive(source, [post(ref, network="bluesky", images=[shown])], [finding()])
    settle()
    found = inside()
    assert found["pictures/1-1.png"] == drawn
    answers = [json.loads(body) for name, body in found.items() if name.startswith("raw/") and name.endswith(".body")]
    assert any(answer.get("cid") == record["cid"] and answer["value"] == record["value"] for answer in answers)
    assert Evidence.objects.get().fetched == {"raw": "kept", "1-1": "kept"}


# --- time stamps ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tsa(vault: Path, tmp_path: Path, settings: Any) -> Iterator[Tsa]:
    with tsa_server(tmp_path / "tsa") as running:
        settings.ENVIRONMENT = replace(configured.ENVIRONMENT, tsa_url=running.url, tsa_roots=running.roots)
        yield running


def sealed_now(live: Source, in_scope: Callable[..., Case]) -> Evidence:
    case = queued(live)
    settle()
    in_scope(case)
    settle()
    return Evidence.objects.get()


def test_what_is_sealed_gets_a_time_stamp_that_openssl_verifies(
    tsa: Tsa, live: Source, in_scope: Callable[..., Case], as_supervisor: Actor, tmp_path: Path
) -> None:
    row = sealed_now(live, in_scope)
    assert row.stamped_at is not None
    assert row.stamped_by == "CN=Yoake Test TSA"
    assert tsa.asked == 1
    made = bag(as_supervisor, row.case_id or 0)
    found = bags.check(made, load_pem_x509_certificates(tsa.roots.read_bytes()))
    assert found.problems == []
    assert found.stamp == stamps.Stamp(row.stamped_at, "CN=Yoake Test TSA", True)
    _name, files = bags._unpacked(made)
    (tmp_path / "manifest").write_bytes(files[bags.MANIFEST])
    (tmp_path / "stamp.tsr").write_bytes(files[bags.STAMP])
    about = ["-data", str(tmp_path / "manifest"), "-in", str(tmp_path / "stamp.tsr")]
    trusted = ["-CAfile", str(tsa.roots), "-untrusted", str(tsa.folder / "middle.crt")]
    checked = subprocess.run(["openssl", "ts", "-verify", *about, *trusted], capture_output=True, check=False)
    assert b"Verification: OK" in checked.stdout + checked.stderr
    assert Entry.objects.get(kind="evidence_stamped").facts == {"manifest": row.digest}


def test_an_authority_that_is_away_is_asked_again(tsa: Tsa, live: Source, in_scope: Callable[..., Case]) -> None:
    tsa.status = 500
    row = sealed_now(live, in_scope)
    assert (row.state, row.stamped_at) == ("sealed", None)
    assert row.problem
    tsa.status = 200
    assert row.due_at is not None
    seal(row.due_at)
    row.refresh_from_db()
    assert row.stamped_at is not None


def test_a_stamp_of_an_authority_nobody_trusts_is_not_kept(
    tsa: Tsa, live: Source, in_scope: Callable[..., Case], tmp_path: Path, settings: Any
) -> None:
    make_authority(tmp_path / "other", "Somebody else")
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, tsa_roots=tmp_path / "other" / "root.crt")
    row = sealed_now(live, in_scope)
    assert row.stamped_at is None
    assert "not signed by a trusted authority" in row.problem


@pytest.mark.parametrize("what", ["of another manifest", "replayed", "rubbish"])
def test_an_answer_to_another_question_is_not_kept(
    tsa: Tsa, live: Source, in_scope: Callable[..., Case], what: str
) -> None:
    other = stamps.ask(b"another manifest\n")
    tsa.body = b"\x30\x03\x02\x01\x00rubbish" if what == "rubbish" else stamp_of(tsa.folder, other.as_bytes())
    row = sealed_now(live, in_scope)
    assert row.stamped_at is None
    assert row.problem
    if what == "replayed":  # a stamp of the right manifest that somebody asked for before
        from yoake.casework.evidence.bagging import payload_of

        manifest = bags.manifest_of(payload_of(inside(row)))
        tsa.body = stamp_of(tsa.folder, stamps.ask(manifest).as_bytes())
        seal(row.due_at or LATER)
        row.refresh_from_db()
        assert (row.stamped_at, row.problem) == (None, "the time stamp answers another question")


def test_a_forged_stamp_is_refused_years_later_too(tsa: Tsa, tmp_path: Path) -> None:
    """Somebody with a chain of their own puts it into the stamp: what a stamp brings along is no reason to trust it."""
    manifest = b"0" * 64 + b"  data/case.json\n"
    roots = load_pem_x509_certificates(tsa.roots.read_bytes())
    true = stamp_of(tsa.folder, stamps.ask(manifest).as_bytes())
    assert stamps.read(true, manifest, roots).trusted
    make_authority(tmp_path / "forger")
    (tmp_path / "forger" / "chain.crt").write_text(
        (tmp_path / "forger" / "middle.crt").read_text() + (tmp_path / "forger" / "root.crt").read_text()
    )
    forged = stamp_of(tmp_path / "forger", stamps.ask(manifest).as_bytes())
    with pytest.raises(Refused, match="not signed by a trusted authority"):
        stamps.read(forged, manifest, roots)
    assert not stamps.read(forged, manifest).trusted


def test_a_damaged_stamp_is_refused_in_a_sentence_and_never_trusted_for_another_manifest(tsa: Tsa) -> None:
    manifest = b"0" * 64 + b"  data/case.json\n"
    roots = load_pem_x509_certificates(tsa.roots.read_bytes())
    true = stamp_of(tsa.folder, stamps.ask(manifest).as_bytes())
    told, drawn = stamps.read(true, manifest, roots), random.Random(7)
    said = set()
    for _ in range(400):
        octets = bytearray(true)
        place = drawn.randrange(len(octets))
        octets[place] ^= 1 << drawn.randrange(8)
        damaged = bytes(octets[: drawn.randrange(len(octets))] if drawn.random() < 0.2 else octets)
        try:
            assert (
                stamps.read(damaged, manifest, roots).at == told.at
            )  # what nobody signed may differ: the time may not
        except Refused as problem:
            said.add(str(problem))
    assert said
    assert all("\n" not in sentence for sentence in said)
    with pytest.raises(Refused, match="another manifest"):
        stamps.read(true, manifest + b"x", roots)
