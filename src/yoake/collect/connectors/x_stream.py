from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from yoake.collect.connector import Context, Known, Liveness, Page, Skip
from yoake.collect.lines_stream import LineStream
from yoake.collect.net import Busy, Denied, Net
from yoake.collect.trouble import http_date
from yoake.collect.x import (
    API,
    FIELDS,
    RESTRICTED,
    Included,
    Posts,
    X,
    explained,
    id_at,
    is_post_id,
    problem_of,
    time_of,
)
from yoake.collect.x_rules import sync
from yoake.collect.x_searching import Budget, Searching, Stand, key_of, rows_of
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

__all__ = ["XStream"]

_PATH = "/2/tweets/search/stream"
_SILENCE_S = 60.0  # X sends something at least every twenty seconds
_PAUSE_S = 0.5  # before a stream that ended is opened again
_BRIEF_S = 10.0  # a stream that ends sooner is not well
_MOST_BRIEF = 6  # of them in a row; X counts how often it is called
_LATE_S = 45.0  # how long after it was written search may not find a post yet
_REWIND = timedelta(seconds=90)  # the stream is not quite in order
_LONGEST_RULE = 1_024  # X says where a plan has less
_PAGE_LINES = 2_000
_QUIET_S = 0.2  # a page that holds something goes out when nothing followed for this long


class XStream:
    """Posts on X as they are written, by rules that X applies (filtered stream).

    The cursor is the newest post up to which everything was read. After an interruption the stream is opened first and
    search brings what was missed, with the same rules as queries; what comes twice is the same version of the same post.
    """

    title = {"ja": "X（ストリーム）", "en": "X (stream)"}
    live = True
    restricted = RESTRICTED

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that reads X's filtered stream.

        Args:
            rules: what is wanted, in X's own rule language.
            key: name of the secret that holds the bearer token of the app; an app has one stream.
            tag: marks this source's rules at X; rules with other tags are left alone.
            backfill_minutes: how much X sends again after an interruption, 0 to 5, where the plan has this.
            catch_up: search for what was missed in an interruption.
            api: where the API answers.
        """

        rules: tuple[str, ...] = ()
        key: str = "x_bearer"
        tag: str = "yoake"
        backfill_minutes: int = 0
        catch_up: bool = True
        api: str = API

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What the rules match after the cursor; without one, from now on."""
        if not options.rules:
            raise BadInput("rules", options.rules, "at least one rule, such as: 闇バイト -is:retweet lang:ja")
        for rule in options.rules:
            if not rule.strip() or len(rule) > _LONGEST_RULE:
                raise BadInput("rules", rule, f"1 to {_LONGEST_RULE} characters each")
        if not options.tag.strip() or len(options.tag) > 100:
            raise BadInput("tag", options.tag, "1 to 100 characters, of this source alone")
        if not 0 <= options.backfill_minutes <= 5:
            raise BadInput("backfill_minutes", options.backfill_minutes, "0 to 5")
        if cursor is not None and not is_post_id(cursor):
            raise BadInput("cursor", cursor, "the id of a post")
        yield from _Reading(options, cursor, _x(options, net)).pages()

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks X for each post, a hundred at a time."""
        return self.check_known([Known(ref) for ref in refs], options, net)

    def check_known(self, known: Sequence[Known], options: Options, net: Net) -> list[Liveness]:
        """As `check`; a post counts as edited where X shows another version than the known one."""
        return Posts(_x(options, net)).check(known)

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        return Posts(_x(options, net)).context(ref)

    def read(self, ref: str, options: Options, net: Net) -> pa.RecordBatch:
        """The newest version of one post; no row when it is not there."""
        row = Posts(_x(options, net)).read(ref)
        return posts_batch([row] if row else [])


class _Reading:
    """Where the stream stands."""

    def __init__(self, options: XStream.Options, cursor: str | None, x: X) -> None:
        self._options, self._x, self._net = options, x, x.net
        self._cursor = cursor  # everything up to here was read
        self._newest = cursor or ""
        self._up_to: datetime | None = None
        self._heard = 0  # lines of X since the stream was opened, keep-alives too
        self._caught_up = False
        self._left: TryLater | None = None  # why X ended the stream, as it said in it
        self._rules: frozenset[str] = frozenset()

    def pages(self) -> Generator[Page, None, None]:
        """The stream, opened anew when it ends, and after each opening what was missed."""
        self._rules = sync(self._x, self._options.rules, self._options.tag)
        url, brief = f"{self._x.api}{_PATH}", 0
        while not self._net.stopping:
            self._heard, self._left = 0, None
            began = time.monotonic()
            try:
                with self._net.lines(
                    url, params=self._asked(), headers=self._x.headers, timeout_s=15, silence_s=_SILENCE_S
                ) as stream:
                    yield from self._connection(stream)
            except (Busy, Denied) as no:
                raise explained(no) from None
            except _Capped:
                raise
            except TryLater as ended:
                brief = brief + 1 if time.monotonic() - began < _BRIEF_S else 0
                if not self._heard or brief >= _MOST_BRIEF:
                    raise TryLater(str(ended), after_s=max(ended.after_s, 10.0 * brief)) from None
            if self._net.wait(_PAUSE_S):
                return

    def _asked(self) -> dict[str, str | int]:
        backfill = self._options.backfill_minutes if self._cursor is not None else 0
        return {**FIELDS, **({"backfill_minutes": backfill} if backfill else {})}

    def _connection(self, stream: LineStream) -> Generator[Page, None, None]:
        if stream.status != 200:
            raise self._not_open(stream)
        opened_at = time.monotonic()
        began = http_date(stream.headers.get("date", "")) or self._net.now()
        missed = self._missed(began)
        self._caught_up = missed is None
        if missed is not None and not self._options.catch_up:
            yield self._page(skipped=[Skip("gap", f"after id {missed}")])
            self._caught_up, missed = True, None
        if self._cursor is None:
            self._cursor = self._newest = id_at(began - _REWIND)
        late = missed
        if missed is not None:
            yield from self._search(missed)
        while not self._net.stopping:
            lines, closed = _gather(stream)
            page = self._lines(lines)
            if self._caught_up and self._heard:
                # Also where nothing matches: what is older than this came, or never will.
                quiet = id_at(began + timedelta(seconds=time.monotonic() - opened_at) - _REWIND)
                self._cursor, self._up_to = max(self._newest, quiet, self._cursor or "0", key=_number), self._net.now()
            yield replace(page, cursor=self._cursor, seen_until=self._up_to)
            closed = self._left or closed
            if late is not None and time.monotonic() - opened_at > _LATE_S:
                # What was written shortly before the stream was open is found now.
                yield from self._search(late)
                late, self._caught_up = None, True
            if closed is not None:
                raise closed

    def _missed(self, began: datetime) -> str | None:
        """After which post something may be missing that the stream does not bring by itself."""
        if self._cursor is None:
            return None
        back = timedelta(minutes=self._options.backfill_minutes)
        last = time_of(self._cursor)
        if back and began - last < back:
            return None
        return id_at(last - _REWIND)

    def _search(self, since: str) -> Generator[Page, None, None]:
        """What search finds of every rule since a post; the cursor waits for it."""
        stands = {key_of(rule): Stand(since) for rule in self._options.rules}
        searching = Searching(self._x, self._options.rules, stands, Budget(self._x, self._options.key, 0))
        for page in searching.round():
            yield Page(page.posts, page.removed, page.skipped, self._cursor, self._up_to)

    def _not_open(self, stream: LineStream) -> TryLater | Refused:
        problem = problem_of(stream.problem)
        if stream.status == 409 or problem.get("connection_issue") == "RuleConfigurationIssue":
            return TryLater("X says that the stream has no rules; making them again.", after_s=5)
        if 300 <= stream.status < 400:
            return Refused(f"{stream.host} redirects the stream; check the setting api.")
        return TryLater(f"{stream.host} opens no stream (status {stream.status}); trying again later.", after_s=60)

    def _lines(self, lines: Sequence[bytes | None]) -> Page:
        now = self._net.now()
        rows: dict[str, dict[str, Any]] = {}
        skipped: list[Skip] = []
        for line in lines:
            if line is not None and not line.strip():
                self._heard += 1  # a keep-alive
                continue
            where = f"after id {self._newest}"
            try:
                told = orjson.loads(line) if line is not None else None
            except orjson.JSONDecodeError:
                told = None
            if not isinstance(told, dict):
                skipped.append(Skip("too_long" if line is None else "not_json", where))
                continue
            if "data" not in told:
                if (ended := _ended(told)) is not None:
                    self._left = ended
                    break
                skipped.append(Skip("unknown_event", where))
                continue
            self._heard += 1
            if not self._ours(told):
                continue
            post = told["data"]
            found, notes = rows_of([post], Included(told), now)
            skipped += notes
            for row in found:
                rows[row["url"]] = row
            ident = post.get("id") if isinstance(post, dict) else None
            if isinstance(ident, str) and is_post_id(ident):
                self._newest = max(self._newest, ident, key=_number)
        return self._page(list(rows.values()), skipped)

    def _ours(self, told: dict[str, Any]) -> bool:
        """Whether one of our rules matched: an app has one stream for all its rules."""
        matched = told.get("matching_rules")
        if not isinstance(matched, list):
            return True
        return any(isinstance(rule, dict) and rule.get("id") in self._rules for rule in matched)

    def _page(self, rows: Sequence[dict[str, Any]] = (), skipped: Sequence[Skip] = ()) -> Page:
        return Page(posts_batch([*rows]), skipped=tuple(skipped), cursor=self._cursor, seen_until=self._up_to)


class _Capped(TryLater):
    """The plan's posts are used up: opening the stream again changes nothing."""


def _ended(told: dict[str, Any]) -> TryLater | None:
    """Why X ends the stream, when this message says that it does."""
    errors = told.get("errors")
    problems = [told, *(errors if isinstance(errors, list) else ())]
    kinds = " ".join(str(one.get("type", "")) for one in problems if isinstance(one, dict))
    if "usage-capped" in kinds:
        return _Capped("X says that the cap of posts is used up.", after_s=6 * 3600)
    if "disconnect" in kinds or "streaming-connection" in kinds:
        return TryLater("X ended the stream for its own reasons; trying again.", after_s=10)
    return None


def _gather(stream: LineStream) -> tuple[list[bytes | None], TryLater | None]:
    """Lines of at most a second, not too many, and how the stream ended if it did."""
    lines: list[bytes | None] = []
    deadline = time.monotonic() + 1.0
    while len(lines) < _PAGE_LINES and (left_s := deadline - time.monotonic()) > 0:
        try:
            more = stream.recv(min(left_s, _QUIET_S) if lines else left_s, most=_PAGE_LINES - len(lines))
        except TryLater as closed:
            return lines, closed
        if not more:
            break
        lines += more
    return lines, None


def _number(ident: str) -> int:
    return int(ident or 0)


def _x(options: XStream.Options, net: Net) -> X:
    return X(options.api, net.secret(options.key), net)
