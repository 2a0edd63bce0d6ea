from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from tests import needs
from tests.collect.loopback import posts, removals, skips, socket_server, until
from tests.servers.nostr.relay import Author, Relay, RelayError, install
from yoake.collect.connector import Known, Page
from yoake.collect.connectors.nostr import NostrRelays
from yoake.collect.net import Net
from yoake.collect.nostr import event_of, name_of, post_of, profile_of, thread_of
from yoake.collect.relays import ask
from yoake.errors import BadInput, Refused, TryLater

NET = Net(allow_private=True)
AWAY = "ws://127.0.0.1:9"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HANA = Author()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    try:
        install()
    except RelayError as error:
        needs.lacking(f"needs the packages of tests/servers/nostr: {error}")
    with Relay(tmp_path_factory.mktemp("relay")) as running:
        yield running


@contextmanager
def small_relay(
    *stored: dict[str, Any], script: Callable[[ServerConnection, list[Any]], bool] | None = None
) -> Iterator[str]:
    """A relay that answers every question with these events; `script` may answer instead."""

    def talk(connection: ServerConnection) -> None:
        for raw in connection:
            told = json.loads(raw)
            if script is not None and script(connection, told):
                continue
            if told[0] == "REQ":
                if told[1] != "live":
                    for event in stored:
                        connection.send(json.dumps(["EVENT", told[1], event]))
                connection.send(json.dumps(["EOSE", told[1]]))

    with socket_server(talk) as url:
        yield url


def options(*urls: str, **more: Any) -> NostrRelays.Options:
    return NostrRelays.Options(relays=urls, **more)


def pages(*urls: str, cursor: str | None = None, net: Net = NET, **more: Any) -> Generator[Page, None, None]:
    return NostrRelays().pages(options(*urls, **more), cursor, net)


def since(*urls: str, at: int = 0) -> str:
    return json.dumps(dict.fromkeys(urls, at))


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


def has(*wanted: str) -> Callable[[list[Page]], bool]:
    return lambda found: set(wanted) <= set(texts(found))


def caught_up(found: list[Page]) -> bool:
    return found[-1].seen_until is not None


def once(*urls: str, cursor: str, **more: Any) -> list[Page]:
    with closing(pages(*urls, cursor=cursor, **more)) as reading:
        return until(reading, caught_up)


# --- events -----------------------------------------------------------------------------------------------------------


def test_an_event_is_believed_only_with_its_own_id_and_signature() -> None:
    event = HANA.event('高収入 \n\t"\\ \u2028 😀 \x01', tags=[["t", "求人"]])
    assert event_of(event)[1] == ""
    other = Author().event("ほか")
    for wrong, why in [
        ({"content": "低収入"}, "wrong_id"),
        ({"created_at": event["created_at"] + 1}, "wrong_id"),
        ({"tags": []}, "wrong_id"),
        ({"pubkey": other["pubkey"]}, "wrong_id"),
        ({"id": other["id"]}, "wrong_id"),
        ({"sig": other["sig"]}, "wrong_signature"),
        ({"sig": "0" * 128}, "wrong_signature"),
        ({"sig": event["sig"].upper()}, "not_an_event"),
        ({"kind": "1"}, "not_an_event"),
        ({"kind": True}, "not_an_event"),
        ({"created_at": 1e400}, "not_an_event"),
        ({"created_at": -1}, "not_an_event"),
        ({"tags": [["e", 7]]}, "not_an_event"),
        ({"tags": None}, "not_an_event"),
        ({"content": None}, "not_an_event"),
    ]:
        assert event_of({**event, **wrong}) == (None, why)
    nothings: list[Any] = [None, [], "x", {}, 7]
    for nothing in nothings:
        assert event_of(nothing) == (None, "not_an_event")


def test_a_key_that_is_no_point_of_the_curve() -> None:
    event = {**HANA.event("あ"), "pubkey": "f" * 64}
    parts = [0, event["pubkey"], event["created_at"], 1, [], "あ"]
    event["id"] = hashlib.sha256(json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
    assert event_of(event) == (None, "wrong_signature")


def test_names_are_those_of_the_document() -> None:
    """The examples of NIP-19."""
    key = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"
    assert name_of("npub", key) == "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
    assert name_of("npub", "x") == ""


def test_a_note_as_a_post() -> None:
    root, parent = "a" * 64, "b" * 64
    told = HANA.event(
        "高収入 即日\0",
        at=int(NOW.timestamp()),
        tags=[
            ["e", root, "", "root"],
            ["e", parent, "wss://r.example", "reply"],
            ["content-warning", "注意"],
            ["l", "ja", "ISO-639-1"],
            ["t", "求人"],
            ["imeta", "url https://f.example/1.png", "m image/png", "alt 求人", "size 12"],
            ["imeta", "url https://f.example/2.mp4", "m video/mp4"],
            ["imeta", "url javascript:alert(1)"],
            ["e"],
            [],
        ],
    )
    event, _ = event_of(told)
    assert event is not None
    row, notes = post_of(event, "https://njump.me/", NOW)
    assert {key: row[key] for key in row if key not in ("seen_at", "images", "text")} == {
        "network": "nostr",
        "native_id": told["id"],
        "url": f"https://njump.me/{name_of('note', told['id'])}",
        "author_id": HANA.id,
        "author_handle": name_of("npub", HANA.id),
        "parent_id": parent,
        "root_id": root,
        "lang": "ja",
        "labels": ["nsfw"],
        "posted_at": NOW,
    }
    assert row["text"] == "注意\n高収入 即日\ufffd"
    assert row["images"] == [{"ref": "https://f.example/1.png", "alt": "求人", "mime": "image/png", "size_bytes": 12}]
    assert notes == ["unstorable_text", "bad_image"]
    future, _ = event_of(HANA.event("あ", at=4_000_000_000))
    assert future is not None
    assert post_of(future, "https://njump.me", NOW)[0]["posted_at"] is None


THREADS = [
    ([], ("", "")),
    ([["e", "a" * 64]], ("a" * 64, "a" * 64)),
    ([["e", "a" * 64], ["e", "b" * 64], ["e", "c" * 64]], ("a" * 64, "c" * 64)),  # by place, as of old
    ([["e", "a" * 64, "", "root"]], ("a" * 64, "a" * 64)),
    ([["e", "a" * 64, "", "mention"]], ("", "")),
    ([["e", "x"], ["p", "a" * 64]], ("", "")),
]


@pytest.mark.parametrize(("tags", "expected"), THREADS)
def test_threads(tags: list[list[str]], expected: tuple[str, str]) -> None:
    assert thread_of(tags) == expected


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"about": 7, "name": []}'])
def test_profiles_that_are_none(content: str) -> None:
    event, _ = event_of(HANA.event(content, kind=0))
    assert event is not None
    assert profile_of(event) == ("", "")


# --- a real relay -----------------------------------------------------------------------------------------------------


@pytest.mark.server
def test_notes_and_deletions_of_a_relay(relay: Relay) -> None:
    author, other = Author(), Author()
    with closing(pages(relay.url)) as reading:
        until(reading, caught_up)
        kept, gone = author.event("残る"), author.event("消える")
        relay.publish(kept, gone, author.event("hello"), author.event("", kind=7, tags=[["e", kept["id"]]]))
        found = until(reading, has("残る", "消える"))
        foreign = other.deletion(kept)
        relay.publish(foreign, author.deletion(gone))
        found += until(reading, lambda seen: bool(removals(seen)))
    assert texts(found) == ["残る", "消える"]
    assert [(row["network"], row["native_id"], row["state"]) for row in removals(found)] == [
        ("nostr", gone["id"], "deleted_by_author")
    ]
    assert skips(found) in (
        [("foreign_deletion", f"{relay.url[5:]} {d}", False)] for d in [skips(found)[0][1].split()[1]]
    )


@pytest.mark.server
def test_an_event_of_another_client(relay: Relay) -> None:
    """aionostr signs and publishes: nothing of ours took part."""
    with closing(pages(relay.url, hashtags=("#独立",))) as reading:
        until(reading, caught_up)
        publish = (
            "import asyncio, os, sys, aionostr\n"
            "send = aionostr.add_event([sys.argv[1]], private_key=os.urandom(32).hex(), kind=1, content='別の手で', tags=[['t', '独立']])\n"
            "asyncio.run(send)"
        )
        command = [str(install() / "python"), "-c", publish, relay.url]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        found = until(reading, has("別の手で"))
    assert skips(found) == []


@pytest.mark.server
def test_what_was_missed_is_read_page_by_page(relay: Relay) -> None:
    author = Author()
    begin = int(time.time()) - 5_000
    tag = [["t", f"tag{begin}"]]
    events = [author.event(f"{n}番", at=begin + n // 3, tags=tag) for n in range(170)]  # the relay sends 50 at most
    relay.publish(*events)
    found = once(relay.url, cursor=since(relay.url, at=begin), hashtags=(tag[0][1],))
    assert sorted(texts(found)) == sorted(f"{n}番" for n in range(170))
    assert all(
        json.loads(page.cursor or "") == {relay.url: begin} for page in found[:-1]
    )  # what was not read is asked again
    assert json.loads(found[-1].cursor or "")[relay.url] >= begin + 5_000
    assert skips(found) == []


@pytest.mark.server
def test_a_second_with_more_than_a_page_is_a_gap(relay: Relay) -> None:
    author, begin = Author(), int(time.time()) - 9_000
    tag = [["t", f"full{begin}"]]
    relay.publish(
        *(author.event(f"{n}番", at=begin, tags=tag) for n in range(70)), author.event("前", at=begin - 1, tags=tag)
    )
    found = once(relay.url, cursor=since(relay.url, at=begin), hashtags=(tag[0][1],))
    assert "前" in texts(found)
    assert len(posts(found)) == 51
    assert skips(found) == [("gap", relay.url[5:], False)]


@pytest.mark.server
def test_a_relay_that_goes_away_and_comes_back(relay: Relay, tmp_path: Path) -> None:
    author = Author()
    with Relay(tmp_path) as second, closing(pages(relay.url, second.url)) as reading:
        until(reading, lambda seen: len(seen) > 3 and caught_up(seen))
        both = author.event("両方に")
        relay.publish(both)
        second.publish(both)
        found = until(reading, has("両方に"))
        second.stop()
        relay.publish(author.event("一つだけに"))
        found += until(reading, has("一つだけに"))
        cursor = found[-1].cursor
        second.start()
        second.publish(author.event("もう一つに"))
        with closing(pages(relay.url, second.url, cursor=cursor)) as again:
            found += until(again, has("もう一つに"))
    mine = [row["text"] for row in posts(found) if row["author_id"] == author.id]
    assert set(mine) == {"両方に", "一つだけに", "もう一つに"}
    assert len({row["uid"] for row in posts(found) if row["author_id"] == author.id}) == 3
    assert {reason for reason, _, _ in skips(found)} <= {"relay_away", "foreign_deletion"}  # of a test before


@pytest.mark.server
def test_a_note_that_is_dated_back_is_read_all_the_same(relay: Relay) -> None:
    """Its author names the time; what counts is that it is new to the relay."""
    author = Author()
    with closing(pages(relay.url)) as reading:
        found = until(reading, caught_up)
        relay.publish(*(author.event(f"{days}日前", at=int(time.time()) - 86_400 * days) for days in (0, 1, 400)))
        found += until(reading, has("0日前", "1日前", "400日前"))


@pytest.mark.server
def test_what_became_of_a_post(relay: Relay) -> None:
    author, other = Author(), Author()
    up, deleted, never = author.event("残る"), author.event("消す"), author.event("どこにもない")
    relay.publish(up, deleted, author.deletion(deleted), other.deletion(up))
    refs = [up["id"], deleted["id"], never["id"], "x", up["id"]]
    found = NostrRelays().check(refs, options(relay.url), NET)
    assert [(one.ref, one.state) for one in found] == [
        (up["id"], "up"),  # only its author may delete it
        (deleted["id"], "removed"),  # anybody can name it in a deletion
        (never["id"], "removed"),
        ("x", "unchecked"),
        (up["id"], "up"),
    ]
    whose = [Known(deleted["id"], author=author.id), Known(deleted["id"], author=other.id)]
    assert [NostrRelays().check_known([one], options(relay.url), NET)[0].state for one in whose] == [
        "deleted_by_author",
        "removed",
    ]
    found = NostrRelays().check(refs[:3], options(relay.url, AWAY), NET)
    assert [one.state for one in found] == ["up", "unreachable", "unreachable"]  # the other relay may have them
    with small_relay(deleted) as careless:
        (one,) = NostrRelays().check([deleted["id"]], options(careless, relay.url), NET)
    assert (one.state, one.note) == ("deleted_by_author", "a relay still shows it")


@pytest.mark.server
def test_what_surrounds_a_post(relay: Relay) -> None:
    author, other, at = Author(), Author(), int(time.time()) - 100
    profile = {"name": "hana", "display_name": "はな", "about": "お金に困っています"}
    top = author.event("仕事ないかな", at=at)
    middle = other.event("あるよ", at=at + 1, tags=[["e", top["id"], "", "root"]])
    bottom = author.event("詳しく", at=at + 2, tags=[["e", top["id"], "", "root"], ["e", middle["id"], "", "reply"]])
    relay.publish(author.event("{}", kind=0, at=at), author.event(json.dumps(profile), kind=0, at=at + 1))
    relay.publish(top, middle, bottom, *(author.event(f"つぶやき{n}", at=at + 3 + n) for n in range(25)))
    found = NostrRelays().context(bottom["id"], options(relay.url, AWAY), NET)
    assert found.parents.column("text").to_pylist() == ["仕事ないかな", "あるよ"]
    recent = found.recent.column("text").to_pylist()
    assert (recent[:2], len(recent)) == (["つぶやき24", "つぶやき23"], 20)
    assert (found.profile, found.author_name) == ("お金に困っています", "はな")
    for ref in ("x", "0" * 64):
        assert NostrRelays().context(ref, options(relay.url), NET).recent.num_rows == 0
    with pytest.raises(TryLater):
        NostrRelays().context(bottom["id"], options(AWAY), NET)


# --- relays that misbehave --------------------------------------------------------------------------------------------


def test_a_deletion_read_before_its_post() -> None:
    """Pages run from new to old, so that a deletion comes first."""
    event = HANA.event("消した", at=int(time.time()) - 50)
    foreign = HANA.event("残る", at=int(time.time()) - 50)
    with small_relay(HANA.deletion(event), Author().deletion(foreign), event, foreign) as url:
        found = once(url, cursor=since(url))
    assert texts(found) == ["残る"]
    assert [row["native_id"] for row in removals(found)] == [event["id"]]


def test_events_that_are_forged_odd_or_unasked_are_counted() -> None:
    event = HANA.event("本物")
    odd = [
        {**event, "content": "偽物"},
        {**event, "sig": "0" * 128},
        {},
        HANA.event("", kind=7),
        HANA.event("過去", tags=[["expiration", "1"]]),
    ]

    def script(connection: ServerConnection, told: list[Any]) -> bool:
        if told[:2] == ["REQ", "live"]:
            for raw in ("", "{", "{}", "[]", '[""]', "[7]", b"\x00\xff", '["EVENT"]', '["SURPRISE"]', '["NOTICE","x"]'):
                connection.send(raw)
            for one in [*odd, event]:
                connection.send(json.dumps(["EVENT", "live", one]))
            for raw in ('["OK","x",true,""]', '["AUTH","x"]', '["EOSE"]', '["CLOSED"]'):
                connection.send(raw)
        return False

    with small_relay(script=script) as url:
        with closing(pages(url)) as reading:
            found = until(reading, has("本物"))
        host = url[5:]
    assert texts(found) == ["本物"]
    assert Counter(reason for reason, _, _ in skips(found)) == {
        "not_an_event": 7,  # six that are no message, one event that is empty
        "unknown_event": 4,
        "notice": 1,
        "wrong_id": 1,
        "wrong_signature": 1,
    }
    assert all(where.startswith(host) for _, where, _ in skips(found))
    assert all("偽物" not in where for _, where, _ in skips(found))


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("auth-required: log in", Refused),
        ("restricted: no", Refused),
        ("rate-limited: slow down", TryLater),
        ("error: x", TryLater),
        ("", TryLater),
    ],
)
def test_a_relay_that_ends_the_subscription(why: str, kind: type[Exception]) -> None:
    def script(connection: ServerConnection, told: list[Any]) -> bool:
        connection.send(json.dumps(["CLOSED", told[1], why]))
        return True

    with small_relay(script=script) as url:
        with pytest.raises(kind, match=r"127\.0\.0\.1"):
            until(pages(url), lambda _: False)
        with pytest.raises(kind):
            NostrRelays().context("0" * 64, options(url), NET)
        (one,) = NostrRelays().check(["0" * 64], options(url), NET)
        assert one.state == "unreachable"


def test_one_relay_that_is_away_does_not_keep_the_others() -> None:
    with small_relay(HANA.event("あ")) as url:
        found = once(AWAY, url, cursor=since(url, AWAY, at=5))
    assert texts(found) == ["あ"]
    assert ("relay_away", AWAY[5:], True) in skips(found)
    assert json.loads(found[-1].cursor or "")[AWAY] == 5  # what it has is read when it is back


def test_when_every_relay_is_away_it_is_said_soon() -> None:
    began = time.monotonic()
    with pytest.raises(TryLater, match=r"127\.0\.0\.1:?\d* refuses the connection"):
        until(pages(AWAY), lambda _: False)
    with pytest.raises(TryLater, match="None of 3 relays sends anything"):
        until(pages(AWAY, "ws://127.0.0.1:7", "ws://127.0.0.1:11"), lambda _: False)
    assert time.monotonic() - began < 5


def test_a_relay_that_closes_at_once_is_not_called_for_ever() -> None:
    calls: list[int] = []
    with socket_server(lambda _: calls.append(1)) as url, pytest.raises(TryLater):
        until(pages(url), lambda _: False)
    assert len(calls) == 1


def test_a_relay_that_owes_an_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.relays._ANSWER_S", 0.1)
    with small_relay(script=lambda *_: True) as mute, pytest.raises(TryLater, match="does not answer"):
        until(pages(mute), lambda _: False)


def test_a_quiet_relay_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.relays._QUIET_S", 0.1)
    asked: list[str] = []

    def script(connection: ServerConnection, told: list[Any]) -> bool:
        asked.append(told[1])
        if asked.count("past0") == 3 and told[1] == "past0":  # its live subscription had gone deaf
            connection.send(json.dumps(["EVENT", "past0", HANA.event("聞こえない")]))
        return False

    with small_relay(script=script) as url, closing(pages(url)) as reading:
        found = until(reading, has("聞こえない"))
    assert asked.count("live") == 1
    assert texts(found) == ["聞こえない"]


def test_a_relay_without_end_is_stopped() -> None:
    """An answer that never ends."""
    made = iter(range(10**9))

    def endless(connection: ServerConnection, told: list[Any]) -> bool:
        if told[0] == "REQ" and told[1].startswith("question"):
            for _ in range(20):
                connection.send(json.dumps(["EVENT", told[1], HANA.event(str(next(made)))]))
            return True
        return False

    with small_relay(script=endless) as url, pytest.raises(TryLater, match="does not end"):
        ask(url, [{"kinds": [1]}], NET, timeout_s=0.5)


@pytest.mark.parametrize("cursor", ["", "x", "[]", '{"ws://x": "7"}', '{"ws://x": -1}', '{"ws://x": true}', "7"])
def test_cursors_that_are_none(cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        next(pages(AWAY, cursor=cursor))


@pytest.mark.parametrize(
    "wrong", [{"relays": ()}, {"relays": ("https://x",)}, {"hashtags": ("a b",)}, {"hashtags": ("#",)}]
)
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        next(NostrRelays().pages(NostrRelays.Options(**{"relays": (AWAY,), **wrong}), None, NET))


def test_reading_stops_with_the_patrol() -> None:
    stop = threading.Event()
    with small_relay() as url:
        reading = pages(url, net=Net(allow_private=True, stop=stop))
        until(reading, caught_up)
        stop.set()
        assert len(list(reading)) <= 1


@contextmanager
def paging_relay(stored: list[dict[str, Any]], most: int) -> Iterator[str]:
    """A relay that keeps to since, until and limit, and never sends more than `most`."""

    def script(connection: ServerConnection, told: list[Any]) -> bool:
        if told[0] != "REQ":
            return True
        for asked in told[2:]:
            chosen = [one for one in stored if one["kind"] in asked["kinds"]]
            chosen = [
                one for one in chosen if asked.get("since", 0) <= one["created_at"] <= asked.get("until", 1 << 60)
            ]
            chosen.sort(key=lambda one: (-one["created_at"], one["id"]))
            for one in chosen[: min(most, asked.get("limit", 500))]:
                connection.send(json.dumps(["EVENT", told[1], one]))
        connection.send(json.dumps(["EOSE", told[1]]))
        return True

    with small_relay(script=script) as url:
        yield url


@settings(deadline=None, max_examples=4)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["note", "note", "delete"])), max_size=25),
    st.lists(st.integers(1, 3), max_size=3),
)
@example([(0, "note")] * 4 + [(1, "note")] * 2, [])  # a page that ends within the oldest second
def test_resuming_anywhere_is_reading_once(happened: list[tuple[int, str]], cuts: list[int]) -> None:
    """The reading is killed after any page; what is read in the end is what one reading reads."""
    begin = int(time.time()) - 3_000
    stored: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for n, (second, what) in enumerate(happened):
        if what == "delete" and notes:
            stored.append(HANA.deletion(notes.pop(), at=begin + second))
        else:
            notes.append(HANA.event(f"{n}番", at=begin + second))
            stored.append(notes[-1])
    most = max([3, *(sum(one["created_at"] == begin + s for one in stored) + 1 for s in range(21))])
    with paging_relay(stored, most) as url:
        whole = once(url, cursor=since(url, at=begin))
        parts: list[Page] = []
        cursor = since(url, at=begin)
        for count in cuts:
            with closing(pages(url, cursor=cursor)) as reading:
                some = list(islice(reading, count))
            if not caught_up(some):  # after that, what was stored is no longer asked for
                cursor = some[-1].cursor or cursor
            parts += some
        parts += once(url, cursor=cursor)
    told = [
        ({row["uid"] for row in posts(found)}, {row["native_id"] for row in removals(found)})
        for found in (whole, parts)
    ]
    assert told[0] == told[1]
    assert skips(whole) == []
    assert all(json.loads(page.cursor or "")[url] == begin for page in parts if not caught_up([page]))
