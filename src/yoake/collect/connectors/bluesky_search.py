from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import pyarrow as pa

from yoake.collect.backwards import Answer, Backwards, micros
from yoake.collect.bluesky import post_of, split_uri
from yoake.collect.clean import AUTHOR_LIMIT, claimed_time, is_id, whole_text
from yoake.collect.connector import Context, Known, Liveness, Page, Skip
from yoake.collect.net import Denied, Net
from yoake.collect.xrpc import Xrpc
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

__all__ = ["BlueskySearch"]

_LIMIT: Final = 100  # posts a page, as the lexicon allows
_AT_ONCE: Final = 25  # posts of one getPosts
_PARENTS: Final = 10
_RECENT: Final = 20
_SESSION_S: Final = 3600.0  # an access token lasts two hours
_STEP: Final = timedelta(milliseconds=1)
_OVERLAP: Final = timedelta(minutes=2)  # a post is found a little after it was written


class BlueskySearch:
    """Posts on Bluesky that its search finds, asked for again and again.

    The cursor tells how far each query was read, also within a round, which goes from the newest post back.
    """

    title = {"ja": "Bluesky（検索）", "en": "Bluesky (search)"}
    live = True
    search_quota = (600, 57_600)  # the service allows 3,000 requests in five minutes and address; a fifth of that

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that searches Bluesky.

        Args:
            queries: what is searched for, in Bluesky's search syntax.
            lang: only posts that say they are in this language; empty: all.
            service: the server that has the account, or passes on to it.
            handle: the account that searches; empty: without an account, where `service` allows that.
            key: name of the secret that holds an app password of the account.
            every_s: seconds between two rounds of all queries.
            api: the AppView that is asked whether a post is still up, and for its surroundings.
            plc: the directory that says which server keeps an account.
        """

        queries: tuple[str, ...] = ()
        lang: str = "ja"
        service: str = "https://bsky.social"
        handle: str = ""
        key: str = "bluesky_app_password"
        every_s: float = 60.0
        api: str = "https://public.api.bsky.app"
        plc: str = "https://plc.directory"

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What each query finds after the cursor; without one, its newest page and what follows."""
        if not options.queries:
            raise BadInput("queries", options.queries, "at least one query, such as: 闇バイト")
        if options.every_s < 5:
            raise BadInput("every_s", options.every_s, "at least five seconds: be kind to the service")
        yield from _backwards(options, options.queries, cursor, net).rounds(options.every_s)

    def search(self, query: str, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What one query finds after the cursor, then ends; without a cursor, its newest page."""
        yield from _backwards(options, (query,), cursor, net).once(query)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks the AppView, and where it does not show a post the server that keeps the account."""
        return self.check_known([Known(ref) for ref in refs], options, net)

    def check_known(self, known: Sequence[Known], options: Options, net: Net) -> list[Liveness]:
        """As `check`, and `edited` where the post reads otherwise than the known version."""
        now = net.now()
        shown: dict[str, str] = {}
        refs = list(dict.fromkeys(one.ref for one in known if split_uri(one.ref) is not None))
        with suppress(TryLater, Refused):  # then the other way is tried, and says what is wrong
            for start in range(0, len(refs), _AT_ONCE):
                told = _ask(options.api, "app.bsky.feed.getPosts", {"uris": refs[start : start + _AT_ONCE]}, net)
                for row in _rows(told.get("posts"), now, []):
                    shown[row["native_id"]] = posts_batch([row]).column("content_hash")[0].as_py()
        others = [one.ref for one in known if one.ref not in shown]
        rest = dict(zip(others, Xrpc(options.api, options.plc, net).check(others), strict=True))
        found = []
        for one in known:
            if one.ref not in shown:
                found.append(rest[one.ref])
                continue
            same = not one.content_hash or one.content_hash == shown[one.ref]
            found.append(Liveness(one.ref, "up" if same else "edited", now, content_hash=shown[one.ref]))
        return found

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile; of an AppView that is away, what the servers keep."""
        parts = split_uri(ref)
        if parts is None:
            return Context(posts_batch([]), posts_batch([]))
        try:
            return _around(ref, parts.did, options.api, net)
        except TryLater:
            return Xrpc(options.api, options.plc, net).context(ref)

    def read(self, ref: str, options: Options, net: Net) -> pa.RecordBatch:
        """One post as it is now; no row when it is not there."""
        if split_uri(ref) is None:
            return posts_batch([])
        told = _ask(options.api, "app.bsky.feed.getPosts", {"uris": [ref]}, net)
        return posts_batch(list(_rows(told.get("posts"), net.now(), [])))

    def picture(self, ref: str, image: str, options: Options, net: Net, *, limit_bytes: int) -> bytes | None:
        """A picture of a post, from the server that keeps the account; None when it is not there."""
        return Xrpc(options.api, options.plc, net).picture(ref, image, limit_bytes=limit_bytes)


class _Failed(TryLater):
    """The service answered with an XRPC error."""

    def __init__(self, host: str, method: str, status: int, name: str) -> None:
        self.name = name
        shown = "".join(c for c in name if c.isprintable())[:80]
        super().__init__(f"{host} answered {method} with status {status} {shown}; try again later.", after_s=60)


def _backwards(options: BlueskySearch.Options, queries: Sequence[str], cursor: str | None, net: Net) -> Backwards:
    for query in queries:
        if not query.strip() or len(query) > 500:
            raise BadInput("queries", query, "1 to 500 characters each")

    def ask(query: str, since: datetime | None, until: datetime | None) -> Answer:
        asked: dict[str, Any] = {"q": query, "sort": "latest", "limit": _LIMIT}
        for name, value in (("lang", options.lang), ("since", _iso(since)), ("until", _iso(until))):
            if value:
                asked[name] = value
        return _answer(_search(asked, options, net), net.now())

    return Backwards(queries, cursor, ask, net, step=_STEP, overlap=_OVERLAP)


def _search(asked: Mapping[str, Any], options: BlueskySearch.Options, net: Net) -> dict[str, Any]:
    """One page of results, signed in anew where the session ended."""
    if not options.handle:
        return _ask(options.service, "app.bsky.feed.searchPosts", asked, net)
    name = f"bluesky session {options.service} {options.handle}"
    if (token := net.hosts.recall(name)) is not None:
        try:
            return _ask(options.service, "app.bsky.feed.searchPosts", asked, net, token)
        except (_Failed, Denied) as error:
            net.hosts.note(name, None, 0.0)
            if isinstance(error, Denied) or error.name not in ("ExpiredToken", "InvalidToken"):
                raise
    token = _sign_in(options, net)
    net.hosts.note(name, token, _SESSION_S)
    return _ask(options.service, "app.bsky.feed.searchPosts", asked, net, token)


def _sign_in(options: BlueskySearch.Options, net: Net) -> str:
    told = orjson.dumps({"identifier": options.handle, "password": net.secret(options.key)})
    url = f"{options.service.rstrip('/')}/xrpc/com.atproto.server.createSession"
    answer = net.post(url, told, headers={"Content-Type": "application/json"}, timeout_s=15)
    found = answer.json()
    token = found.get("accessJwt") if isinstance(found, dict) else None
    if answer.status == 200 and isinstance(token, str) and is_id(token, 10_000) and token.isprintable():
        return token
    error = str(found.get("error", "")) if isinstance(found, dict) else ""
    if error in ("AuthFactorTokenRequired", "AccountTakedown"):
        raise Refused(f"the account {options.handle} cannot sign in ({error}); use an app password of a good account.")
    raise TryLater(f"signing in as {options.handle} failed with status {answer.status}; try again later.", after_s=300)


def _ask(api: str, method: str, asked: Mapping[str, Any], net: Net, token: str = "") -> dict[str, Any]:
    """The object that a service answers. Raises _Failed where it says an XRPC error."""
    url = f"{api.rstrip('/')}/xrpc/{method}?{urlencode(asked, doseq=True)}"
    answer = net.get(url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout_s=15)
    found = answer.json()
    if answer.status == 200 and isinstance(found, dict):
        return found
    name = str(found.get("error", "")) if isinstance(found, dict) else ""
    raise _Failed(api.partition("://")[2], method, answer.status, name)


def _answer(told: Mapping[str, Any], now: datetime) -> Answer:
    posts = told.get("posts")
    if not isinstance(posts, list):
        raise TryLater("Bluesky's search answered with no list; try again later.", after_s=600)
    answer = Answer(more=isinstance(told.get("cursor"), str))
    answer.rows = list(_rows(posts, now, answer.skipped))
    for view in posts:
        record = view.get("record") if isinstance(view, dict) else None
        created = _time(record.get("createdAt")) if isinstance(record, dict) else None
        times = [at for at in (created, _time(view.get("indexedAt") if isinstance(view, dict) else None)) if at]
        if times:
            answer.times_us.append(micros(min(times)))  # "sortAt" of the AppView
    return answer


def _rows(views: object, now: datetime, skipped: list[Skip]) -> Iterable[dict[str, Any]]:
    """Views of posts (app.bsky.feed.defs#postView) as rows of POSTS; what cannot be read is skipped."""
    for view in views if isinstance(views, list) else ():
        uri, author = (view.get("uri"), view.get("author")) if isinstance(view, dict) else (None, None)
        ref = split_uri(uri) if isinstance(uri, str) else None
        where = f"post {uri}"[:300] if ref is not None else "a post without address"
        row, notes = post_of(view.get("record"), ref.did, ref.rkey, now) if ref is not None else (None, ["no_id"])
        if row is None:
            skipped.append(Skip(notes[0], where))
            continue
        handle, name = (author.get("handle"), author.get("displayName")) if isinstance(author, dict) else ("", "")
        row["author_handle"] = handle if isinstance(handle, str) and is_id(handle, AUTHOR_LIMIT) else ""
        row["author_name"] = whole_text(name[:AUTHOR_LIMIT], notes) if isinstance(name, str) else ""
        row["labels"] = list(dict.fromkeys([*row["labels"], *_labels(view.get("labels"), notes)]))
        skipped += [Skip(note, where, kept=True) for note in notes]
        yield row


def _labels(labels: object, notes: list[str]) -> list[str]:
    """What moderators say of a post; a label that was taken back is none."""
    told = labels[:20] if isinstance(labels, list) else []
    values = [one.get("val") for one in told if isinstance(one, dict) and one.get("neg") is not True]
    return [whole_text(value[:128], notes) for value in values if isinstance(value, str)]


def _around(ref: str, did: str, api: str, net: Net) -> Context:
    now = net.now()
    parents: list[dict[str, Any]] = []
    with suppress(_Failed):  # a post that is gone
        asked = {"uri": ref, "depth": 0, "parentHeight": _PARENTS}
        above = _ask(api, "app.bsky.feed.getPostThread", asked, net).get("thread")
        for _ in range(_PARENTS):
            above = above.get("parent") if isinstance(above, dict) else None
            parents[:0] = _rows([above.get("post")], now, []) if isinstance(above, dict) else []
    profile = _ask(api, "app.bsky.actor.getProfile", {"actor": did}, net)
    asked = {"actor": did, "limit": _RECENT, "filter": "posts_with_replies"}
    feed = _ask(api, "app.bsky.feed.getAuthorFeed", asked, net).get("feed")
    views = [one.get("post") for one in (feed if isinstance(feed, list) else ()) if isinstance(one, dict)]
    recent = [row for row in _rows(views, now, []) if row["author_id"] == did]  # without what was reposted
    texts = [profile.get(key) for key in ("description", "displayName")]
    about, name = (whole_text(text, []) if isinstance(text, str) else "" for text in texts)
    return Context(posts_batch(parents), posts_batch(recent), about, name)


def _time(value: object) -> datetime | None:
    return claimed_time(value, datetime.max.replace(tzinfo=UTC) - timedelta(days=1), []) if value else None


def _iso(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at is not None else ""
