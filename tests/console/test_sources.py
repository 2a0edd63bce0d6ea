"""The screens of sources: at a glance, adding, permission, watch plan."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.board import TestBoard, board
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources import plans
from yoake.casework.sources.actions import add_source, change_source, count, note_skipped, say_state
from yoake.casework.sources.models import Permission, Plan, Query, QueryDay, Source
from yoake.collect.connector import Skip
from yoake.console.connectors import helps_of
from yoake.console.plan import kind_of
from yoake.console.sources import rate_text
from yoake.console.words import hour_minute
from yoake.errors import BadInput

__all__ = ["board"]  # a fixture

pytestmark = pytest.mark.django_db


def as_user(user: User, language: str = "en") -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE=language)
    client.force_login(user)
    return client


def shown(client: Client, address: str, code: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == code, address
    return answer.content.decode()


@pytest.fixture
def restricted(police: Organisation, board: str) -> Source:
    return add_source(system("command"), police, board, name="検索", options={"path": "x"})


# --- at a glance ----------------------------------------------------------------------------------------------------


def test_all_sources_at_a_glance(
    live: Source, restricted: Source, as_analyst: Actor, administrator: User, analyst: User
) -> None:
    now = timezone.now()
    taken = arrive(live, [post("1"), post("2")], [finding(0), finding(1)], now)
    cases = list(Case.objects.filter(pk__in=taken.opened).select_related("post"))
    for case, verdict in zip(cases, ("in_scope", "not_in_scope"), strict=True):
        decide(
            as_analyst,
            case.pk,
            verdict,
            version_id=case.post.current_id or 0,
            category_slug="criminal_recruitment" if verdict == "in_scope" else "",
        )
    count(live, now, {"posts": 7_198, "skipped:not_json": 3})
    note_skipped(live, now, [Skip("not_json", "line 7")])
    say_state(live, Source.State.PAUSED, "the secret board_key is missing")
    page = shown(as_user(administrator), "/sources/")
    figures = " ".join(page.split())
    assert ">7,200<" in figures
    assert ">1 / 2<" in figures, "in scope of those decided"
    assert "the secret board_key is missing" in page.lower()
    assert "It is fixed: resume" in page
    assert "nobody recorded yet that its service permits this" in page
    assert "Record the permission …" in page
    assert "2 sources need a person." in page
    for reader in (analyst,):
        told = shown(as_user(reader), "/sources/")
        assert "It is fixed: resume" not in told
        assert "/sources/add/" not in told


def test_a_source_that_no_patrol_takes_up_needs_a_person(police: Organisation, administrator: User) -> None:
    client, long_ago = as_user(administrator), timezone.now() - timedelta(hours=1)
    source = Source.objects.create(organisation=police, name="空", connector="bluesky_jetstream")
    assert "Nothing needs a person." in shown(client, "/sources/"), "just added"
    Source.objects.filter(pk=source.pk).update(added_at=long_ago, last_page_at=long_ago)
    told = shown(client, "/sources/")
    assert "No patrol is running" in told
    assert "1 source needs a person." in told
    client.post(f"/source/{source.pk}/switch/", {"on": "0"})
    assert "Nothing needs a person." in shown(client, "/sources/"), "switched off by somebody who wanted it so"
    client.post(f"/source/{source.pk}/switch/", {"on": "1"})
    assert "Nothing needs a person." in shown(client, "/sources/"), "a patrol has a moment to take it up"


def test_why_a_source_waits_is_told_as_its_service_says_it(live: Source, analyst: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    say_state(
        live, Source.State.WAITING, "Today's share of the posts is read; going on tomorrow.", next_try_at=tomorrow
    )
    Source.objects.filter(pk=live.pk).update(lease_expires_at=tomorrow)
    told = shown(as_user(analyst), "/sources/")
    assert "going on tomorrow" in told
    assert f"next try at {hour_minute(tomorrow)}" in told
    assert "No network" not in told


def test_the_list_takes_a_fixed_number_of_queries(police: Organisation, live: Source, analyst: User) -> None:
    client = as_user(analyst)
    client.get("/sources/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get("/sources/")
    for n in range(5):
        add_source(system("command"), police, "jsonl", name=f"more{n}", options={"path": "-"})
    with CaptureQueriesContext(connection) as six:
        client.get("/sources/")
    assert len(six) == len(one)


def test_another_organisation_sees_none_of_it(restricted: Source, outsider: User) -> None:
    client = as_user(outsider)
    assert "検索" not in shown(client, "/sources/").partition("<main")[2].partition("</main>")[0]
    shown(client, f"/source/{restricted.pk}/plan/", 404)
    for act in ("permission", "permission/withdraw", "plan/add", "plan/settings", "plan/1"):
        assert client.post(f"/source/{restricted.pk}/{act}/", {"words": "x"}).status_code == 404, act
    assert not Query.objects.exists()


@pytest.mark.parametrize(
    ("per_s", "text"), [(0, "0"), (0.001, "< 0.01"), (0.25, "0.25"), (3.24, "3.2"), (4321, "4,321")]
)
def test_how_a_rate_is_told(per_s: float, text: str) -> None:
    assert rate_text(per_s) == text


# --- adding ---------------------------------------------------------------------------------------------------------


def test_an_administrator_adds_a_source(administrator: User, board: str) -> None:
    client = as_user(administrator)
    offered = shown(client, "/sources/add/")
    assert '/sources/add/bluesky_jetstream/"' in offered
    assert '/sources/add/test_board/"' in offered
    assert '/sources/add/jsonl/"' not in offered, "files of the server are for its command line"
    assert '/sources/add/web_page/"' in offered, "one page of the web is no file of the server"
    form = shown(client, "/sources/add/bluesky_jetstream/")
    assert 'name="endpoints"' in form
    made = client.post("/sources/add/bluesky_jetstream/", {"name": "空", "endpoints": "wss://relay.example/subscribe"})
    source = Source.objects.get(name="空")
    assert made["Location"] == f"/source/{source.pk}/"
    assert source.enabled
    assert source.options["endpoints"] == ["wss://relay.example/subscribe"]


def test_settings_come_with_their_help_and_keys_by_name_only(administrator: User, board: str) -> None:
    form = shown(as_user(administrator), "/sources/add/test_board/")
    assert "Name of the secret that opens it." in form
    assert "Only the name is written here, never the key" in form
    assert "This board restricts automated searches." in form
    assert helps_of(TestBoard.Options.__doc__ or "")["path"] == "the file that is the network."


def test_a_restricted_source_leads_to_its_permission(administrator: User, board: str) -> None:
    client = as_user(administrator)
    told = client.post(
        f"/sources/add/{board}/", {"name": "制限", "path": "x", "key": "k", "queries": "甲\n乙"}, follow=True
    )
    page = told.content.decode()
    assert "stays off: record the permission of its service first" in page
    assert 'name="permitted_by"' in page
    assert not Source.objects.get().enabled
    assert Query.objects.filter(words__in=["甲", "乙"]).count() == 2
    assert Query.objects.filter(origin="lexicon").count() > 50, "what will be searched for can be seen at once"


@pytest.mark.parametrize(
    ("entered", "told"),
    [({"name": "", "path": ""}, "required"), ({"name": "live", "path": "x"}, "already there")],
)
def test_what_cannot_be_added_is_said(
    administrator: User, live: Source, board: str, entered: dict[str, str], told: str
) -> None:
    answer = as_user(administrator).post(f"/sources/add/{board}/", entered)
    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert Source.objects.count() == 1


def test_what_cannot_be_searched_for_leaves_no_source_behind(administrator: User, board: str) -> None:
    entered = {"name": "長い", "path": "x", "key": "k", "queries": "甲" * 501}
    answer = as_user(administrator).post(f"/sources/add/{board}/", entered)
    assert (answer.status_code, Source.objects.count()) == (400, 0)
    assert "500 characters" in answer.content.decode()


def test_a_key_in_the_place_of_its_name_is_neither_kept_nor_shown(administrator: User, board: str) -> None:
    entered = {"name": "鍵", "path": "x", "key": "AAAA%2Bsecret", "queries": "甲"}
    answer = as_user(administrator).post(f"/sources/add/{board}/", entered)
    assert (answer.status_code, Source.objects.count()) == (400, 0)
    assert "secret itself stands in its file" in answer.content.decode()
    assert "AAAA" not in answer.content.decode()


def test_files_and_others_than_administrators(administrator: User, supervisor: User) -> None:
    assert as_user(administrator).get("/sources/add/jsonl/").status_code == 403
    assert as_user(administrator).post("/sources/add/jsonl/", {"path": "/etc/hostname"}).status_code == 403
    for address in ("/sources/add/", "/sources/add/practice/"):
        assert as_user(supervisor).get(address).status_code == 403
    assert as_user(supervisor).post("/sources/add/practice/", {"name": "x"}).status_code == 403
    assert as_user(administrator).get("/sources/add/nix/").status_code == 400
    assert not Source.objects.exists()


# --- changing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def feed(police: Organisation) -> Source:
    return add_source(system("command"), police, "rss", name="feed", options={"url": "https://a.example/feed"})


def test_an_administrator_changes_the_settings(feed: Source, administrator: User, supervisor: User) -> None:
    client, at = as_user(administrator), f"/source/{feed.pk}/settings/"
    Source.objects.filter(pk=feed.pk).update(cursor="here")
    assert at in shown(client, f"/source/{feed.pk}/")
    form = shown(client, at)
    assert 'value="https://a.example/feed"' in form
    assert "When this changes, reading begins as for a new source." in form
    told = client.post(at, {"url": "https://a.example/feed", "every_s": "900"}, follow=True).content.decode()
    assert "reading goes on where it stood" in told
    feed.refresh_from_db()
    assert (feed.options["every_s"], feed.cursor) == (900, "here")
    told = client.post(at, {"url": "https://b.example/feed", "every_s": "900"}, follow=True).content.decode()
    assert "Reading begins as for a new source" in told
    feed.refresh_from_db()
    assert feed.cursor is None
    again = client.post(at, {"url": "https://b.example/feed", "every_s": "900"}, follow=True).content.decode()
    assert "Nothing was changed." in again
    assert [entry.facts["settings"] for entry in Entry.objects.filter(kind="source_changed")] == ["every_s", "url"]
    assert Entry.objects.filter(kind="source_changed", actor=f"user:{administrator.pk}").count() == 2
    assert at not in shown(as_user(supervisor), f"/source/{feed.pk}/")
    for method in (as_user(supervisor).get, as_user(supervisor).post):
        assert method(at, {"url": "https://c.example/feed"}).status_code == 403


def test_another_organisation_changes_nothing(feed: Source, outsider: User) -> None:
    assert as_user(outsider).post(f"/source/{feed.pk}/settings/", {"url": "https://c.example/"}).status_code == 404


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"url": "https://a.example/feed", "every_s": "bald"}, "a value of kind float"),
        ({"url": "https://a.example/feed", "proxy": "Sekret%7"}, "the secret itself stands in its file"),
        ({"url": "https://me:Sekret7@a.example/feed"}, "without a user name and password"),
        ({"url": "https://me:Sekret7@a.example/feed", "proxy": "Sekret%7"}, "without a user name"),
    ],
)
def test_what_cannot_be_a_setting_is_said_and_no_secret_is_shown(
    feed: Source, administrator: User, entered: dict[str, str], said: str
) -> None:
    client = as_user(administrator)
    for at in (f"/source/{feed.pk}/settings/", "/sources/add/rss/"):
        answer = client.post(at, {"name": "another", **entered})
        assert answer.status_code == 400
        assert said in answer.content.decode()
        assert "Sekret" not in answer.content.decode()
    feed.refresh_from_db()
    assert feed.options == {"url": "https://a.example/feed"}
    assert not Entry.objects.filter(kind="source_changed").exists()


def test_a_secret_that_came_another_way_is_not_shown(police: Organisation, administrator: User) -> None:
    options = {"url": "https://me:Sekret7@a.example/feed", "proxy": "Sekret%7"}
    source = add_source(system("command"), police, "rss", name="feed", options=options)
    client = as_user(administrator)
    for at in (f"/source/{source.pk}/", f"/source/{source.pk}/settings/"):
        assert "Sekret" not in shown(client, at)


def test_words_are_changed_in_the_plan_and_files_not_here(
    restricted: Source, live: Source, practice: Source, administrator: User
) -> None:
    client, at = as_user(administrator), f"/source/{restricted.pk}/settings/"
    form = shown(client, at)
    assert 'name="queries"' not in form
    assert f"/source/{restricted.pk}/plan/" in form
    assert client.post(at, {"path": "y", "key": "k"}).status_code == 302
    restricted.refresh_from_db()
    assert restricted.options["path"] == "y"
    with pytest.raises(BadInput, match="watch plan"):
        change_source(system("command"), restricted, {"path": "y", "key": "k", "queries": ("甲",)})
    for source in (live, practice):
        assert f"/source/{source.pk}/settings/" not in shown(client, f"/source/{source.pk}/")
        assert client.post(f"/source/{source.pk}/settings/", {"path": "/etc/hostname"}).status_code == 403
    live.refresh_from_db()
    assert live.options == {"path": "-"}


def test_the_screens_speak_japanese(administrator: User, feed: Source, board: str) -> None:
    client = as_user(administrator, "ja")
    say_state(
        feed,
        Source.State.PAUSED,
        "a.example answered 401: it does not let this installation in; check the access with its operator.",
    )
    Source.objects.filter(pk=feed.pk).update(options={"url": "https://a.example/feed", "every_s": 900.0})
    assert "a.example の応答は 401 で" in shown(client, "/sources/")
    assert "問い合わせの間隔の秒数。" in shown(client, f"/source/{feed.pk}/settings/")
    assert "フィード（RSS、Atom、JSON Feed）の投稿を読みます。" in shown(client, "/sources/add/")
    assert "間隔（秒）" in shown(client, f"/source/{feed.pk}/")
    assert ">900<" in shown(client, f"/source/{feed.pk}/")
    assert '<p lang="en">The file that is the network.</p>' in shown(client, f"/sources/add/{board}/"), (
        "a third party's"
    )


# --- permission -----------------------------------------------------------------------------------------------------

PERMIT = {"permitted_by": "架空社", "permitted_on": "2026-10-01", "terms": "検索のみ", "reference": "7-12"}


def test_permission_then_on_then_withdrawn(restricted: Source, administrator: User) -> None:
    client, at = as_user(administrator), f"/source/{restricted.pk}/"
    page = shown(client, at)
    assert "Patrol this source again" not in page
    assert client.post(f"{at}switch/", {"on": "1"}).status_code == 403
    page = client.post(f"{at}permission/", PERMIT, follow=True).content.decode()
    for told in ("can be switched on now", "架空社", "2026-10-01", "検索のみ", "7-12", "Patrol this source again"):
        assert told in page, told
    page = client.post(f"{at}switch/", {"on": "1"}, follow=True).content.decode()
    assert "as 架空社 permitted on 2026-10-01" in page
    page = client.post(f"{at}permission/withdraw/", follow=True).content.decode()
    assert "switched off" in page
    restricted.refresh_from_db()
    assert not restricted.enabled


def test_what_a_permission_lacks_is_said_and_what_was_entered_stays(restricted: Source, administrator: User) -> None:
    answer = as_user(administrator).post(f"/source/{restricted.pk}/permission/", {**PERMIT, "permitted_on": "gestern"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "On which day" in page
    assert "the day of the permission, not in the future" in page
    assert 'value="架空社"' in page
    assert not Permission.objects.exists()


def test_others_read_that_it_is_missing(restricted: Source, supervisor: User) -> None:
    client = as_user(supervisor)
    page = shown(client, f"/source/{restricted.pk}/")
    assert "Nothing is read until an administrator records the permission." in page
    assert 'name="permitted_by"' not in page
    assert client.post(f"/source/{restricted.pk}/permission/", PERMIT).status_code == 403


# --- watch plan -----------------------------------------------------------------------------------------------------


def test_people_see_add_pause_and_resume_words(restricted: Source, supervisor: User, analyst: User) -> None:
    client, at = as_user(supervisor), f"/source/{restricted.pk}/plan/"
    page = client.post(f"{at}add/", {"words": "にこにこ隊", "category": "criminal_recruitment"}, follow=True)
    assert "“にこにこ隊” is searched for from now on." in page.content.decode()
    query = Query.objects.get(words="にこにこ隊")
    QueryDay.objects.create(query=query, day=timezone.localdate(), asked=20, posts=9, queued=4, in_scope=3)
    told = shown(client, at)
    assert "finds posts in scope" in told
    assert "added by supervisor" in told
    assert "is paused" in client.post(f"{at}{query.pk}/", {"on": "0"}, follow=True).content.decode()
    assert "Search again" in shown(client, at)
    assert client.post(f"{at}{query.pk}/", {"on": "1"}).status_code == 302
    query.refresh_from_db()
    assert query.state == "on"
    read = shown(as_user(analyst), at)
    assert 'name="words"' not in read
    assert as_user(analyst).post(f"{at}{query.pk}/", {"on": "0"}).status_code == 403


def test_an_administrator_sets_the_quota(restricted: Source, administrator: User, supervisor: User) -> None:
    at = f"/source/{restricted.pk}/plan/settings/"
    entered = {"per_quarter": "10", "per_day": "200", "explore": "40", "categories": ["drug_ad", "serious_crime"]}
    assert as_user(supervisor).post(at, entered).status_code == 302, "said on the page"
    assert Plan.objects.filter(per_quarter=10).count() == 0
    page = as_user(administrator).post(at, entered, follow=True).content.decode()
    assert "The plan is changed." in page
    plan = Plan.objects.get()
    assert (plan.per_quarter, plan.per_day, plan.explore, plan.categories) == (
        10,
        200,
        40,
        ["drug_ad", "serious_crime"],
    )
    over = as_user(administrator).post(at, {**entered, "per_quarter": "301"}, follow=True).content.decode()
    assert "a number from 0 to 300" in over


def test_only_sources_that_are_searched_have_a_plan(live: Source, analyst: User) -> None:
    shown(as_user(analyst), f"/source/{live.pk}/plan/", 404)


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ({"asked": 2}, "new"),
        ({"asked": 9}, "silent"),
        ({"asked": 9, "posts": 60}, "noise"),
        ({"asked": 9, "posts": 12, "queued": 6, "not_in_scope": 5}, "noise"),
        ({"asked": 9, "posts": 12, "queued": 2}, "open"),
        ({"asked": 9, "posts": 900, "queued": 90, "not_in_scope": 80, "in_scope": 1}, "pays"),
    ],
)
def test_what_words_are_worth(numbers: dict[str, int], kind: str) -> None:
    assert kind_of(plans.Standing(1, 1, **numbers)) == kind


def test_a_paused_source_is_resumed_from_the_list(live: Source, administrator: User) -> None:
    say_state(live, Source.State.PAUSED, "x")
    Source.objects.filter(pk=live.pk).update(lease_expires_at=timezone.now() + timedelta(hours=1))
    as_user(administrator).post(f"/source/{live.pk}/resume/")
    live.refresh_from_db()
    assert live.state == "stopped"
    assert Counter([live.problem]) == {"": 1}
