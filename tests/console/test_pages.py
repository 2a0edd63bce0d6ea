"""Every page as every user; what a page may never do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from tests.world import PASSWORD, arrive, finding, post
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()  # rate limits
    with translation.override("ja"):
        yield


def as_user(user: User, language: str = "en") -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE=language)
    client.force_login(user)
    return client


def addresses(case: Case, source: Source) -> list[str]:
    return [
        "/live/",
        "/live/?category=criminal_recruitment&page=7",
        "/live/pulse/?newest=0&shown=1,2,x&n_new=0",
        "/practice/",
        "/practice/pulse/",
        f"/case/{case.pk}/",
        "/add/",
        f"/source/{source.pk}/",
        f"/source/{source.pk}/skipped/",
        "/password/",
        "/sign-out/",
    ]


def test_a_desk_for_each_who_works_there(waiting: Case, live: Source, analyst: User, supervisor: User) -> None:
    for user in (analyst, supervisor):
        for address in addresses(waiting, live):
            assert as_user(user).get(address).status_code == 200, address


def test_somebody_of_another_organisation_sees_nothing(waiting: Case, live: Source, outsider: User) -> None:
    client = as_user(outsider)
    told = waiting.post.current
    assert told is not None
    Source.objects.filter(pk=live.pk).update(name="見張り台")
    for address in addresses(waiting, live):
        answer = client.get(address)
        foreign = address.startswith(("/case/", "/source/"))
        assert answer.status_code == (404 if foreign else 200), address
        assert told.text not in answer.content.decode()
        assert "見張り台" not in answer.content.decode(), address
    for act in ("lease", "release", "decide", "undo"):
        assert client.post(f"/case/{waiting.pk}/{act}/", {"verdict": "not_in_scope"}).status_code in (204, 404), act
    assert client.post(f"/source/{live.pk}/resume/").status_code == 404
    waiting.refresh_from_db()
    assert waiting.state == "waiting"
    assert not hasattr(waiting.post, "lease")


def test_who_is_not_signed_in_signs_in_first(waiting: Case, live: Source, client: Client) -> None:
    for address in ["/", *addresses(waiting, live)]:
        answer = client.get(address)
        if address == "/sign-out/":
            assert answer.status_code == 302
        elif address == "/":
            assert answer["Location"] == "/live/"
        else:
            assert answer["Location"].startswith(("/sign-in/?next=%2F", "/sign-in/?next=/")), address
    assert client.get("/live/pulse/", HTTP_HX_REQUEST="true").status_code == 200  # a sentence inside the page
    assert client.post(f"/case/{waiting.pk}/decide/")["Location"] == "/sign-in/?next=%2F"


def test_without_organisation_a_page_says_what_to_do(db: None) -> None:
    user = User.objects.create_user("nobody", password=PASSWORD)
    answer = as_user(user).get("/live/")
    assert answer.status_code == 403
    assert "Ask an administrator to add you" in answer.content.decode()


def test_a_partner_has_no_desk(police: Organisation, waiting: Case) -> None:
    user = User.objects.create_user("partner", password=PASSWORD)
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.PARTNER)
    answer = as_user(user).get(f"/case/{waiting.pk}/")
    assert answer.status_code == 403
    assert "高額バイト" not in answer.content.decode()


def test_an_auditor_reads_and_cannot_decide(police: Organisation, waiting: Case) -> None:
    user = User.objects.create_user("auditor", password=PASSWORD)
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.AUDITOR)
    client = as_user(user)
    page = client.get(f"/case/{waiting.pk}/").content.decode()
    assert "Your role may read cases, not decide them." in page
    assert "data-decide" not in page
    answer = client.post(
        f"/case/{waiting.pk}/decide/", {"verdict": "not_in_scope", "version_id": waiting.post.current_id}
    )
    assert answer.status_code == 409
    assert client.get("/add/").status_code == 403


@pytest.mark.parametrize(
    "address", ["/case/999999/", "/case/99999999999999999999999/", "/source/4711/", "/nowhere/", "/admin/", "/sign-up/"]
)
def test_what_is_not_there(analyst: User, address: str) -> None:
    answer = as_user(analyst).get(address)
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


@pytest.mark.parametrize(
    "address", ["/accounts/login/", "/signup/", "/email/", "/password/reset/", "/password/set/", "/inactive/"]
)
def test_of_allauth_only_three_addresses_exist(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


class Outside(HTMLParser):
    """Collects everything that would make a browser contact something, and everything inline."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.inline: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append((given.get("href") or "", given.get("rel") or ""))
        else:
            self.loads += [given[name] or "" for name in ("src", "href", "action", "srcset", "poster") if name in given]
        self.inline += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \"quoted\" ''  {{ 7*7 }} {% now %} \u202eegassem neddih\u202c & &lt;"


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_nothing_comes_from_outside_and_nothing_is_inline(live: Source, analyst: User) -> None:
    url = 'https://social.example/post/1?a=1&b="><script>'
    row = post(
        "1",
        HOSTILE,
        url=url,
        profile=HOSTILE,
        parent_text=HOSTILE,
        author_name=HOSTILE,
        author_handle=HOSTILE,
        author_id="a",
        lang='ja"><b>',
    )
    spans = [{"field": "text", "start": 3, "end": 40, "text": HOSTILE, "cue": "<b>cue</b>", "weight": 2.0}]
    told = {"ja": HOSTILE, "en": HOSTILE}
    taken = arrive(
        live,
        [row],
        [
            finding(
                explanation=told,
                counter=told,
                spans=spans,
                frame="<i>",
                elements=[{"name": "<u>", "span": {"field": "text", "start": 0, "end": 3, "text": "<u>"}}],
            )
        ],
    )
    client = as_user(analyst)
    for address in [
        "/live/",
        f"/case/{taken.opened[0]}/",
        "/add/",
        "/practice/",
        f"/source/{live.pk}/",
        "/password/",
        "/sign-out/",
    ]:
        answer = client.get(address)
        page = Outside()
        page.feed(answer.content.decode())
        assert all(load.startswith("/") and not load.startswith("//") for load in page.loads if load), address
        assert page.inline == [], address
        for href, rel in page.links:
            if not href.startswith(("/", "?", "#")):
                assert href == url
                assert {"noreferrer", "noopener"} <= set(rel.split())
        text = answer.content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        for quoted in re.findall(r"<blockquote.*?</blockquote>", text, flags=re.DOTALL):
            assert "\u202e" not in quoted
            assert 'title="' in quoted
            assert "U+202E" in quoted
    assert "{{ 7*7 }}" in text_of(client, f"/case/{taken.opened[0]}/")


def test_a_very_long_text_is_shown(live: Source, analyst: User) -> None:
    text = "高額バイト🥦" * 16_700  # 100,200 code points
    spans = [
        {"field": "text", "start": i * 6, "end": i * 6 + 2, "text": "高額", "cue": "pay", "weight": 0.5}
        for i in range(200)
    ]
    taken = arrive(live, [post("1", text)], [finding(spans=spans)])
    client = as_user(analyst)
    page = client.get(f"/case/{taken.opened[0]}/").content.decode()
    assert page.count("<mark") == 200
    assert page.count("🥦") >= 16_700
    assert len(client.get("/live/").content) < 60_000


@pytest.mark.parametrize("address", ["/sign-in/", "/live/", "/nowhere/", "/add/"])
def test_a_policy_goes_with_every_page(client: Client, analyst: User, address: str) -> None:
    client.force_login(analyst)
    policy = client.get(address)["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert (rules["default-src"], rules["script-src"], rules["style-src"]) == ("'none'", "'self'", "'self'")
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy


def test_what_a_page_shows_is_kept_by_no_cache(analyst: User, waiting: Case) -> None:
    assert "no-store" in as_user(analyst).get(f"/case/{waiting.pk}/")["Cache-Control"]


@pytest.mark.parametrize("address", ["/live/", "/live/pulse/?newest=0&shown={ids}"])
def test_the_number_of_queries_does_not_grow_with_rows(
    many_waiting: Callable[[int], list[Case]], analyst: User, as_analyst: Actor, live: Source, address: str
) -> None:
    client = as_user(analyst)

    def queries() -> int:
        ids = ",".join(str(pk) for pk in Case.objects.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address.format(ids=ids)).status_code == 200
        return len(captured)

    many_waiting(1)
    client.get("/live/")  # whatever is loaded once
    one = queries()
    rows = [post(f"more{i}", f"日給10万円 その{i}", author_id=f"m{i}") for i in range(2)]
    arrive(live, rows, [finding(i) for i in range(2)])
    assert queries() == one
    assert one <= 33


def test_the_number_of_queries_of_a_case_does_not_grow(live: Source, analyst: User) -> None:
    client = as_user(analyst)
    one = arrive(live, [post("1", "日給10万円", author_id="a")], [finding()]).opened[0]
    rows = [finding(0, category=c) for c in ("criminal_recruitment", "drug_ad", "account_trade")]
    three = arrive(live, [post("2", "日給20万円", author_id="b")], rows).opened[0]
    counted = []
    for pk in (one, one, three, three):  # looking for the first time is noted
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/case/{pk}/")
        counted.append(len(captured))
    assert counted[3] <= counted[1] <= 30


def test_both_languages(analyst: User, waiting: Case) -> None:
    japanese, english = as_user(analyst, "ja"), as_user(analyst, "en")
    assert "判断待ち" in japanese.get("/live/").content.decode()
    assert "Waiting for a judgement" in english.get("/live/").content.decode()
    page = japanese.get(f"/case/{waiting.pk}/").content.decode()
    assert 'lang="ja"' in page
    words = re.sub(
        r"<bdi.*?</bdi>|<kbd.*?</kbd>|<blockquote.*?</blockquote>|<code.*?</code>|<head>.*?</head>",
        "",
        page,
        flags=re.DOTALL,
    )
    latin = set(re.findall(r">\s*([A-Za-z][A-Za-z ]{3,})\s*<", words))
    assert latin <= {"Yoake", "English", "analyst", "live", "test"}, latin


def test_broken_and_forged_requests_get_a_sentence(analyst: User) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE="ja", enforce_csrf_checks=True)
    client.force_login(analyst)
    answer = client.post("/add/", {"text": "x"})
    assert answer.status_code == 403
    assert "何も実行していません" in answer.content.decode()
    assert client.get("/add/", HTTP_HOST="evil.example").status_code == 400


def test_when_something_breaks_a_page_says_so(analyst: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("yoake.console.inbox.waiting_by_category", broken)
    client = Client(HTTP_ACCEPT_LANGUAGE="ja", raise_request_exception=False)
    client.force_login(analyst)
    answer = client.get("/live/")
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "Yoakeの中で問題が起きました" in page
    assert "secret detail" not in page


def test_times_are_those_of_tokyo(live: Source, analyst: User) -> None:
    at = datetime(2026, 11, 20, 16, 30, 5, tzinfo=UTC)
    taken = arrive(live, [post("1", posted_at=at)], [finding()])
    assert "2026-11-21 01:30:05" in as_user(analyst).get(f"/case/{taken.opened[0]}/").content.decode()


def test_no_two_pages_share_a_name() -> None:
    """`{% url %}` would silently take one of them."""
    from yoake.console.urls import urlpatterns

    found: dict[str, set[object]] = {}
    for pattern in urlpatterns:
        found.setdefault(str(pattern.name), set()).add(pattern.callback)
    assert {name: len(views) for name, views in found.items() if len(views) > 1} == {}
