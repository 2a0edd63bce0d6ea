"""The public page: what a stranger learns, what it leaves in their browser, and what it makes of hostile input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.cache import cache, caches
from django.test import Client
from django.utils import timezone

from tests.outbox_world import WORDS, decided
from yoake.casework.appeal.models import Appeal
from yoake.casework.outbox.actions import draft
from yoake.casework.outbox.codes import code_of
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.casework.wording.actions import set_letterhead
from yoake.public import appeal
from yoake.public.limits import within_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_pages(settings: Any) -> Iterator[None]:
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, public_url="https://yoake.example")
    cache.clear()
    caches["public"].clear()
    yield
    cache.clear()
    caches["public"].clear()


@pytest.fixture
def item(as_analyst: Actor, as_supervisor: Actor, live: Source) -> OutboxItem:
    set_letterhead(as_supervisor, "架空県警察 <b>", "Example Police", "000-000-0000")
    case = decided(as_analyst, live, network="fediverse", text="高額バイト ZETTAI", url="https://social.example/1")
    made = draft(as_analyst, case.pk, "warning", channel="by_hand", way="hand", to={"url": "x"}, body={"text": WORDS})
    OutboxItem.objects.filter(pk=made.pk).update(state="sent", sent_at=timezone.now())
    return OutboxItem.objects.get(pk=made.pk)


def stranger(language: str = "ja") -> Client:
    return Client(HTTP_ACCEPT_LANGUAGE=language)


def plain(body: bytes) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", body.decode())


def test_it_is_there_only_where_an_address_is_set(settings: Any) -> None:
    assert stranger().get("/a/").status_code == 200
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, public_url="")
    assert stranger().get("/a/").status_code == 404
    assert stranger().post("/a/", {"code": "x"}).status_code == 404


def test_no_sign_in_and_no_cookie_but_the_token(item: OutboxItem) -> None:
    client = stranger()
    for answer in (client.get("/a/"), client.post("/a/", {"code": code_of(item.pk)}), client.get("/a/?lang=en")):
        assert answer.status_code == 200
        assert set(client.cookies) == {"csrftoken"}
        assert "no-store" in answer["Cache-Control"]
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script|\son\w+=|style=", answer.content.decode())


def test_a_form_of_another_site_is_refused(item: OutboxItem) -> None:
    assert Client(enforce_csrf_checks=True).post("/a/", {"code": code_of(item.pk)}).status_code == 403


def test_a_code_is_confirmed_and_tells_nothing_else(item: OutboxItem) -> None:
    told = stranger().post("/a/", {"code": code_of(item.pk).lower()}).content.decode()
    assert "架空県警察 &lt;b&gt;" in told
    assert "000-000-0000" in told
    for hidden in ("ZETTAI", "social.example", "someone", "criminal", WORDS, f"case/{item.case_id}"):
        assert hidden not in told
    assert "Example Police" in stranger("en").post("/a/", {"code": code_of(item.pk)}).content.decode()
    assert "Example Police" in stranger("ja").post("/a/?lang=en", {"code": code_of(item.pk)}).content.decode()


def test_every_unknown_code_gets_the_same_answer(item: OutboxItem) -> None:
    unsent = OutboxItem.objects.create(
        organisation=item.organisation, case=item.case, kind="warning", channel="by_hand", way="hand", key="k", bound="0",
        drafted_by=item.drafted_by, drafted_at=item.drafted_at,
    )  # fmt: skip
    tried = [
        "",
        "x",
        "0" * 14,
        code_of(10**6),
        code_of(unsent.pk),
        "<script>alert(1)</script>",
        "あ" * 50,
        "A" * 5000,
        "\x00",
    ]
    answers = {plain(stranger().post("/a/", {"code": code}).content) for code in tried}
    assert len(answers) == 1
    assert "<script" not in answers.pop()


def test_an_objection_is_taken_and_shown_once(item: OutboxItem) -> None:
    client = stranger("en")
    given = {
        "code": code_of(item.pk),
        "who": "author",
        "words": "<img src=x onerror=alert(1)>",
        "reply_to": "a@b.example",
    }
    told = client.post("/a/", given).content.decode()
    made = Appeal.objects.get()
    assert made.reference in told
    assert made.proof in told
    assert "<img" not in told
    assert made.words == given["words"]
    third = client.post("/a/", {**given, "who": "third"}).content.decode()
    assert Appeal.objects.get(who="third").proof == ""
    assert "note" in third


@pytest.mark.parametrize("wrong", [{"who": "x"}, {"words": ""}, {"words": "x" * 2001}, {"reply_to": "y" * 201}])
def test_what_is_wrong_is_said_and_what_was_typed_stays(item: OutboxItem, wrong: dict[str, str]) -> None:
    given = {"code": code_of(item.pk), "who": "third", "words": 'typed "quoted" <i>', "reply_to": "", **wrong}
    answer = stranger("en").post("/a/", given)
    assert answer.status_code == 400
    told = answer.content.decode()
    assert 'role="alert"' in told
    assert "<i>" not in told
    if "words" not in wrong:
        assert "typed &quot;quoted&quot; &lt;i&gt;" in told
    assert not Appeal.objects.exists()


def test_whoever_tries_codes_is_slowed_down(item: OutboxItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(appeal.LOOKS, "each", 3)
    for _ in range(3):
        assert stranger().post("/a/", {"code": "x"}).status_code == 200
    answer = stranger().post("/a/", {"code": code_of(item.pk)})
    assert answer.status_code == 429
    assert "架空県警察" not in answer.content.decode()
    other = Client(REMOTE_ADDR="198.51.100.7")
    assert other.post("/a/", {"code": code_of(item.pk)}).status_code == 200
    assert stranger().get("/a/").status_code == 200


def test_wrong_codes_of_others_never_refuse_a_right_one(item: OutboxItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(appeal.UNKNOWN, "most", 3)
    told = [Client(REMOTE_ADDR=f"198.51.{n}.7").post("/a/", {"code": "x"}).status_code for n in range(5)]
    assert told == [200, 200, 200, 429, 429]
    given = {"code": code_of(item.pk), "who": "author", "words": "x"}
    assert stranger().post("/a/", {"code": given["code"]}).status_code == 200
    assert stranger().post("/a/", given).status_code == 200
    assert Appeal.objects.count() == 1


@pytest.mark.parametrize(
    ("addresses", "most"),
    [
        ([f"2001:db8:1:2::{n:x}" for n in range(1, 9)], 3),  # one subscriber
        ([f"2001:db8:1:{n:x}::1" for n in range(1, 9)], 5),  # one site
        ([f"198.51.100.{n}" for n in range(1, 9)], 5),
        ([f"::ffff:198.51.100.{n}" for n in range(1, 9)], 5),
        ([f"2001:db8:{n:x}::1" for n in range(1, 9)], 8),
        (["", *["fe80::1%eth0"] * 4], 4),  # no address, and four times the same
    ],
)
def test_who_has_many_addresses_is_still_one(monkeypatch: pytest.MonkeyPatch, addresses: list[str], most: int) -> None:
    monkeypatch.setitem(appeal.LOOKS, "each", 3)
    monkeypatch.setitem(appeal.LOOKS, "around", 5)
    told = [Client(REMOTE_ADDR=address).post("/a/", {"code": "x"}).status_code for address in addresses]
    assert told.count(200) == most


def test_visitors_push_no_counter_of_sign_ins_out() -> None:
    cache.add("failed-sign-ins-of-somebody", 4, 600)
    for n in range(400):
        within_all(f"{n}", 1, 600)
    assert cache.get("failed-sign-ins-of-somebody") == 4
    for n in range(2000):  # nor do they who try many names to sign in
        cache.add(f"failed-sign-ins-of-{n}", 1, 600)
    assert cache.get("failed-sign-ins-of-somebody") == 4


def test_a_letter_about_several_posts_asks_of_which(item: OutboxItem, as_analyst: Actor, live: Source) -> None:
    assert "id_about" not in stranger("en").post("/a/", {"code": code_of(item.pk)}).content.decode()
    second = decided(as_analyst, live, network="fediverse", native_id="2", url="https://social.example/2")
    item.also.add(second)
    given = {"code": code_of(item.pk), "who": "author", "words": "x"}
    told = stranger("en").post("/a/", {"code": given["code"]}).content.decode()
    assert "id_about" in told
    assert "social.example" not in told
    answer = stranger("en").post("/a/", {**given, "about": "https://social.example/3"})
    assert answer.status_code == 400
    assert "of none at this address" in answer.content.decode()
    assert "https://social.example/3" in answer.content.decode(), "what was typed stays"
    assert stranger("en").post("/a/", {**given, "about": "https://social.example/2"}).status_code == 200
    assert Appeal.objects.get().case_id == second.pk


def test_objections_are_limited_too(item: OutboxItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(appeal.OBJECTIONS, "each", 1)
    given = {"code": code_of(item.pk), "who": "third", "words": "x"}
    assert stranger().post("/a/", given).status_code == 200
    assert stranger().post("/a/", given).status_code == 429
    assert Appeal.objects.count() == 1


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_ways_to_ask_are_refused(method: str) -> None:
    assert getattr(stranger(), method)("/a/").status_code == 405
