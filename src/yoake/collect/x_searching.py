"""Reading X's recent search: several queries in turn, each up to its newest post, within what the month allows."""

from __future__ import annotations

import hashlib
import math
from calendar import monthrange
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson

from yoake.collect.connector import Page, Skip
from yoake.collect.net import Denied
from yoake.collect.x import FIELDS, Included, Invalid, NotThere, X, is_post_id, post_of
from yoake.errors import BadInput, TryLater
from yoake.tables.posts import posts_batch

PATH: Final = "/2/tweets/search/recent"
LEAST, MOST = 10, 100  # posts a page, as X allows
_USAGE: Final = "/2/usage/tweets"
_DAY_S: Final = 86_400.0  # a day's share is reckoned once: what was read of it is in X's own count by then


class Stand(NamedTuple):
    """How far a query was read. Within a round, which goes from the newest post back, `until` is where it stands."""

    since: str = ""  # read up to this post; "": never asked; "0": everything X still has is new
    top: str = ""  # the newest post of the round under way
    until: str = ""


class Budget:
    """How many posts this app may still read today: what the month has left, shared evenly by its days.

    X itself says how many were read (usage of the project). A day's share is reckoned once, for all processes and whatever
    restarts.

    Args:
        x: the API.
        name: of the app's key, whose budget this is.
        per_month: posts of the plan; 0: no cap.
    """

    def __init__(self, x: X, name: str, per_month: int) -> None:
        self._x, self._name, self._per_month = x, f"x posts {name}", per_month

    def left(self) -> int | None:
        """Posts that today still has; None where there is no cap. Raises what asking X raises."""
        if not self._per_month:
            return None
        today = self._x.net.now().date().isoformat()
        known = self._x.net.hosts.quota(self._name)
        if known is None or known[0] != today:
            share = self._share()

            def begin(told: Any) -> tuple[Any, float] | None:  # another process may have been quicker
                return None if told is not None and told[0] == today else ([today, share, 0], _DAY_S)

            self._x.net.hosts.use_quota(self._name, begin)
            known = self._x.net.hosts.quota(self._name) or [today, 0, 0]
        _, share, spent = known
        return int(max(0, share - spent))

    def spend(self, posts: int) -> None:
        """So many more were read."""

        def more(told: Any) -> tuple[Any, float] | None:
            return None if told is None else ([told[0], told[1], told[2] + posts], _DAY_S)

        if self._per_month:
            self._x.net.hosts.use_quota(self._name, more)

    def _share(self) -> int:
        now = self._x.net.now()
        cap, used, reset = self._per_month, 0, 1
        try:
            told = self._x.ask(_USAGE).get("data")
        except (NotThere, Invalid):
            told = None  # a plan without this endpoint: what X will not say cannot be taken into account
        except Denied as no:
            if no.status != 403:
                raise
            told = None
        if isinstance(told, dict):
            used = _count(told.get("project_usage"), 0)
            cap = min(cap, _count(told.get("project_cap"), cap))
            reset = min(max(1, _count(told.get("cap_reset_day"), 1)), 28)
        return math.ceil(max(0, cap - used) / _days_until(reset, now))


class Searching:
    """Where the queries stand.

    Args:
        x: the API.
        queries: what is searched for.
        stands: how far each was read, by `key_of`.
        budget: what may be read.
        page_posts: posts of a page.
        patient: wait where requests or posts are spent; else raise TryLater.
    """

    def __init__(
        self,
        x: X,
        queries: Sequence[str],
        stands: Mapping[str, Stand],
        budget: Budget,
        *,
        page_posts: int = MOST,
        patient: bool = True,
    ) -> None:
        self._x, self._net, self._queries = x, x.net, list(dict.fromkeys(queries))
        self.stands = {key_of(query): stands.get(key_of(query), Stand()) for query in self._queries}
        self._budget, self._page_posts, self._patient = budget, page_posts, patient
        self.seen_until: datetime | None = None

    def cursor(self) -> str:
        """Where a later run goes on."""
        return orjson.dumps({key: list(stand) for key, stand in self.stands.items()}).decode()

    def rounds(self, every_s: float) -> Generator[Page, None, None]:
        """Every query up to its newest post, again and again."""
        while True:
            yield from self.round()
            if self._net.stopping or (yield from self._pause(every_s)):
                return

    def round(self) -> Generator[Page, None, None]:
        """Every query up to its newest post, the one that is furthest behind first."""
        asked_at = self._net.now()
        for query in sorted(self._queries, key=lambda one: _number(self.stands[key_of(one)].since)):
            yield from self.read(query)
            if self._net.stopping:
                return
        self.seen_until = asked_at
        yield self._page()

    def read(self, query: str) -> Generator[Page, None, None]:
        """One query up to its newest post; a page for each answer."""
        key, asked_at = key_of(query), self._net.now()
        first = not self.stands[key].since and not self.stands[key].until
        while not self._net.stopping:
            room = yield from self._room()
            if room is None:
                return
            try:
                answer = self._x.ask(PATH, self._question(query, self.stands[key], room))
            except Invalid as no:
                yield self._page(skipped=[self._lost(query, no)])
                continue
            included, data = Included(answer), answer.get("data")
            found = data if isinstance(data, list) else []
            self._budget.spend(len(found))
            ended = self._step(key, found, answer.get("meta")) or first
            if ended:
                self.stands[key] = Stand(max(["0", *self.stands[key][:2]], key=_number))
                self.seen_until = self.seen_until if self._patient else asked_at
            rows, skipped = rows_of(found, included, self._net.now())
            yield self._page(rows, skipped)
            if ended:
                return

    def _step(self, key: str, found: list[Any], meta: object) -> bool:
        """Notes one answer; whether it was the last one of its round."""
        stand = self.stands[key]
        idents = [one["id"] for one in found if isinstance(one, dict) and is_post_id(one.get("id"))]
        until = min([*idents, *([stand.until] if stand.until else [])], key=_number, default="")
        self.stands[key] = Stand(stand.since, max([stand.top, *idents], key=_number), until)
        more = isinstance(meta, dict) and isinstance(meta.get("next_token"), str)
        return not more or until == stand.until

    def _question(self, query: str, stand: Stand, room: int) -> dict[str, str | int]:
        asked: dict[str, str | int] = {"query": query, **FIELDS, "max_results": room}
        if stand.since not in ("", "0"):
            asked["since_id"] = stand.since
        if stand.until:
            asked["until_id"] = stand.until
        return asked

    def _lost(self, query: str, no: Invalid) -> Skip:
        """What follows when X cannot go on where a query stands: it keeps a week. Raises BadInput for any other complaint."""
        key = key_of(query)
        stand = self.stands[key]
        if "until_id" in no.parameters and stand.until:
            self.stands[key] = Stand(max(["0", stand.top, stand.since], key=_number))
            return Skip("gap", f"query {key}, before id {stand.until}")
        if "since_id" in no.parameters and stand.since not in ("", "0"):
            self.stands[key] = Stand("0", stand.top, stand.until)
            return Skip("gap", f"query {key}, after id {stand.since}")
        raise BadInput("queries", query, f"X does not take this question: {no.told}")

    def _room(self) -> Generator[Page, None, int | None]:
        """Posts that the next page may bring (X brings at least LEAST); None when the patrol stops meanwhile."""
        while not self._net.stopping:
            left = self._budget.left()
            if (left is None or left > 0) and not (self._patient and self._x.waits(PATH)):
                return self._page_posts if left is None else max(LEAST, min(self._page_posts, left))
            if not self._patient:
                now = self._net.now()
                tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
                raise TryLater(
                    "Today's share of the posts that X allows this month is read; going on tomorrow.",
                    after_s=(tomorrow - now).total_seconds() + 1,
                )
            self._net.wait(1.0)
            yield self._page()
        return None

    def _pause(self, seconds: float) -> Generator[Page, None, bool]:
        end = self._net.now() + timedelta(seconds=seconds)
        while (left := end - self._net.now()) > timedelta():
            if self._net.wait(min(1.0, left.total_seconds())):
                return True
            yield self._page()
        return self._net.stopping

    def _page(self, rows: Sequence[dict[str, Any]] = (), skipped: Sequence[Skip] = ()) -> Page:
        return Page(posts_batch([*rows]), skipped=tuple(skipped), cursor=self.cursor(), seen_until=self.seen_until)


def rows_of(posts: Sequence[object], included: Included, now: datetime) -> tuple[list[dict[str, Any]], list[Skip]]:
    """Posts of one answer as rows, each version once, and what could not be read."""
    rows: dict[str, dict[str, Any]] = {}
    skipped = []
    for post in posts:
        ident = post.get("id") if isinstance(post, dict) else None
        where = f"id {ident}" if is_post_id(ident) else "a post without id"
        row, notes = post_of(post, included, now)
        if row is None:
            skipped.append(Skip(notes[0], where))
        elif row["url"] not in rows:
            rows[row["url"]] = row
            skipped += [Skip(note, where, kept=True) for note in notes]
    # An edit stands below what it edits, or beside it: the newest version is the one that stays.
    return sorted(rows.values(), key=lambda row: _number(row["url"].rpartition("/")[2])), skipped


def key_of(query: str) -> str:
    """A short name of a query, for cursors."""
    return hashlib.sha256(query.encode()).hexdigest()[:12]


def read_cursor(cursor: str | None) -> dict[str, Stand]:
    """Where an earlier run stood. Raises BadInput for what is no cursor of ours."""
    try:
        told = orjson.loads(cursor) if cursor is not None else {}
        stands = {str(key): Stand(*parts) for key, parts in told.items()}
    except (orjson.JSONDecodeError, TypeError, AttributeError):
        stands = {"": Stand("?")}
    if not all(_is_stand(stand) for stand in stands.values()):
        raise BadInput("cursor", cursor, "how far each query was read, as this connector wrote it")
    return stands


def _is_stand(stand: Stand) -> bool:
    return (stand.since in ("", "0") or is_post_id(stand.since)) and all(
        part == "" or is_post_id(part) for part in stand[1:]
    )


def _days_until(day: int, now: datetime) -> int:
    """Days from now, today included, until the next day of that number in a month."""
    if now.day < day:
        return day - now.day
    return monthrange(now.year, now.month)[1] - now.day + day


def _count(value: object, otherwise: int) -> int:
    """A number that X writes as text."""
    told = str(value)
    return int(told) if told.isdecimal() and len(told) < 16 else otherwise


def _number(ident: str) -> int:
    return int(ident or 0)
