"""Watch plans: which words a source searches for, whose turn it is, and what each word brought.

The words come from the lexicon (its strongest live phrases of each category) and from people. Every query is asked in
turn; one with twice the yield is asked twice as often, and a share of the quota goes to all alike, so that new and quiet
ones get their chance. What a query found is kept as numbers: counts a day, and for 30 days the hashes of queued posts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Sum
from django.utils import timezone

from yoake import shelf
from yoake.casework.audit.actions import record
from yoake.casework.due import TOKYO
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Found, Plan, Query, QueryDay, Source
from yoake.collect import connectors
from yoake.collect.connector import Searches
from yoake.detect.category import FRAME, Category, sought
from yoake.errors import BadInput, Refused

WORDS_LONGEST: Final = 500
YIELD_DAYS: Final = 30  # what the turns are weighted by, and how long the hashes of found posts are kept
MOST_QUERIES: Final = 500  # of one source, by people
OF_A_CATEGORY: Final = 8  # phrases of the lexicon
_LONGEST: Final = 40  # characters of a phrase of the lexicon
_SHORTEST: Final = 3  # characters: shorter forms stand in too many honest words to be searched for
_OF_A_CUE: Final = 3  # phrases, so that no single role takes all the quota
_STRONG: Final = 0.6  # of the category's strongest phrase
_JAPANESE: Final = re.compile("[ぁ-ゖァ-ヶ一-鿿]")  # words of other scripts would bring posts of the whole world
_SILENT_ASKED: Final = 30  # requests without a single post, after which nobody seems to write the words any more
_AGED_FOR: Final = timedelta(days=60)  # then they are tried again
_BURST: Final = 10  # a tenth of the quota may go out at once
_QUARTER_S: Final = 900.0
_DAY_S: Final = 86_400.0


@dataclass(frozen=True)
class Standing:
    """A query as the turns see it: when it was asked, and what it brought in the last 30 days."""

    pk: int
    last_turn: int  # 0: never
    asked: int = 0  # requests
    posts: int = 0
    queued: int = 0
    in_scope: int = 0
    not_in_scope: int = 0

    @property
    def worth(self) -> float:
        """Posts in scope a request; one that waits for its decision counts a quarter, a new query is given the benefit."""
        waiting = max(0, self.queued - self.in_scope - self.not_in_scope)
        return (self.in_scope + 0.25 * waiting + 0.2) / (self.asked + 1)


def next_query(standings: Sequence[Standing], *, explore: float, seed: int = 0) -> int | None:
    """Whose turn it is (its pk), None without queries. The same arguments give the same answer.

    Args:
        standings: all queries that may be asked.
        explore: share of the quota (0 to 1) that all queries have alike.
        seed: the order of those that are equal otherwise.
    """
    if not standings:
        return None
    weights = weights_of(standings, explore)

    def due(one: Standing) -> tuple[float, str]:
        """The turn at which it would be asked if all came evenly; new ones at once."""
        at = one.last_turn + 1 / weights[one.pk] if one.last_turn else 0.0
        return at, sha256(f"{seed}:{one.pk}".encode()).hexdigest()

    return min(standings, key=due).pk


def weights_of(standings: Sequence[Standing], explore: float) -> dict[int, float]:
    """The share of the questions that each query gets; together 1."""
    total = sum(one.worth for one in standings)
    return {one.pk: explore / len(standings) + (1 - explore) * one.worth / total for one in standings}


def tokens_at(plan: Plan, now: datetime) -> float:
    """How many requests may go out now. In no stretch of 15 minutes, nor of a day, more go out than the plan allows."""
    burst, per_s = _pace(plan)
    if plan.tokens_at is None:
        return burst
    return min(burst, plan.tokens + max(0.0, (now - plan.tokens_at).total_seconds()) * per_s)


def _pace(plan: Plan) -> tuple[float, float]:
    """Requests at once, and requests a second beside them."""
    least = min(plan.per_quarter, plan.per_day)
    if least == 0:
        return 0.0, 0.0
    burst = max(1.0, least // _BURST)
    return burst, min((plan.per_quarter - burst) / _QUARTER_S, (plan.per_day - burst) / _DAY_S) or 1 / _DAY_S


def live_queries(
    known: Mapping[str, Category], chosen: Collection[str] = (), of_a_category: int = OF_A_CATEGORY
) -> list[tuple[str, str]]:
    """Words to search for and their category: the strongest phrases in force, at most three of a cue, in Japanese.

    Left out are contexts that speak against a harm, weak and short forms, words that another one already finds, and
    categories that no detector seeks.
    """
    told: dict[str, str] = {}
    for slug, category in sought(dict(known)).items():
        if not chosen or slug in chosen:
            for words in _words_of(category)[:of_a_category]:
                told.setdefault(words, slug)
    return list(told.items())


def _words_of(category: Category) -> list[str]:
    phrases = [p for p in category.phrases if not p.cue.startswith(FRAME) and p.lang in ("ja", "any")]
    strongest = max((p.weight for p in phrases), default=0.0)
    of_cue: Counter[str] = Counter()
    picked: list[str] = []
    for phrase in sorted(phrases, key=lambda p: (-p.weight, p.phrase)):
        words = phrase.spellings()[0]
        if phrase.weight < _STRONG * strongest or not _is_telling(words):
            continue
        if of_cue[phrase.cue] < _OF_A_CUE and not any(other in words for other in picked):
            of_cue[phrase.cue] += 1
            picked.append(words)
    return picked


def _is_telling(words: str) -> bool:
    letters = [c for c in words if not c.isspace()]
    return len(letters) >= _SHORTEST and len(words) <= _LONGEST and _JAPANESE.search(words) is not None


def searches(connector: str) -> Searches | None:
    """The connector, where its network is asked by words."""
    try:
        made = shelf.take(connectors, connector)()
    except BadInput:
        return None
    return made if isinstance(made, Searches) else None


def plan_of(source: Source) -> Plan | None:
    """The source's plan, made with the quota its connector knows; None where nothing is searched for."""
    asked = searches(source.connector)
    if asked is None:
        return None
    per_quarter, per_day = asked.search_quota
    with transaction.atomic():
        plan, made = Plan.objects.get_or_create(
            source=source, defaults={"per_quarter": per_quarter, "per_day": per_day, "seed": source.pk}
        )
        if made:  # words that were written among the source's settings are the first of the plan
            now = timezone.now()
            for words in dict.fromkeys(source.options.get("queries") or ()):
                if not 0 < len(words) <= WORDS_LONGEST:
                    raise BadInput("queries", words, f"one to {WORDS_LONGEST} characters each")
                Query.objects.get_or_create(
                    source=source, words=words, defaults={"origin": Query.Origin.PERSON, "added_at": now}
                )
    return plan


def refresh(plan: Plan, known: Mapping[str, Category], now: datetime) -> None:
    """Brings the queries of the lexicon up to date: new words are added, dropped and silent ones age."""
    wanted = dict(live_queries(known, plan.categories))
    standings = {one.pk: one for one in standings_of(plan.source, now, states=Query.State.values)}
    with transaction.atomic():
        there = {query.words: query for query in Query.objects.filter(source=plan.source)}
        for words, slug in wanted.items():
            if words not in there:
                Query.objects.create(
                    source=plan.source, words=words, category=slug, origin=Query.Origin.LEXICON, added_at=now
                )
        for words, query in there.items():
            if query.origin != Query.Origin.LEXICON:
                continue
            silent = standings[query.pk].asked >= _SILENT_ASKED and not standings[query.pk].posts
            if query.state == Query.State.ON and (words not in wanted or silent):
                Query.objects.filter(pk=query.pk).update(state=Query.State.AGED, aged_at=now)
            elif query.state == Query.State.AGED and words in wanted:
                rested = query.aged_at is not None and now - query.aged_at >= _AGED_FOR
                if rested or not silent:
                    Query.objects.filter(pk=query.pk).update(state=Query.State.ON, aged_at=None)
        Plan.objects.filter(pk=plan.pk).update(refreshed_at=now)


def standings_of(
    source: Source, now: datetime, *, states: Collection[str] = (Query.State.ON,), days: int = YIELD_DAYS
) -> list[Standing]:
    """The queries of a source with what they brought lately, oldest first."""
    since = now.astimezone(TOKYO).date() - timedelta(days=days)
    names = ("asked", "posts", "queued", "in_scope", "not_in_scope")
    rows = QueryDay.objects.filter(query__source=source, day__gt=since).order_by().values_list("query_id")
    sums = {
        query_id: dict(zip(names, numbers, strict=True))
        for query_id, *numbers in rows.annotate(*(Sum(name) for name in names))
    }
    queries = Query.objects.filter(source=source, state__in=states).order_by("pk")
    return [Standing(query.pk, query.last_turn, **sums.get(query.pk, {})) for query in queries]


def note_request(plan: Plan, query_id: int, turn: int, now: datetime) -> None:
    """One request went out for a query, whatever came of it; `plan` carries what is left of the quota."""
    plan.tokens, plan.tokens_at, plan.turn = max(0.0, tokens_at(plan, now) - 1), now, turn
    with transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(tokens=plan.tokens, tokens_at=now, turn=turn)
        Query.objects.filter(pk=query_id).update(last_asked_at=now, last_turn=turn)
        _count(query_id, now, asked=1)


def note_found(query_id: int, cursor: str | None, posts: int, queued: Collection[str], now: datetime) -> None:
    """What a page brought (`queued`: uids of the posts that are queued); call it in the transaction of the page."""
    if cursor is not None:
        Query.objects.filter(pk=query_id).update(cursor=cursor)
    known = set(Found.objects.filter(query_id=query_id, uid__in=queued).values_list("uid", flat=True))
    new = sorted(set(queued) - known)
    if not Query.objects.filter(pk=query_id).exists():  # removed while it was asked
        return
    day = now.astimezone(TOKYO).date()
    Found.objects.bulk_create(Found(query_id=query_id, uid=uid, day=day) for uid in new)
    if posts or new:
        _count(query_id, now, posts=posts, queued=len(new))


def _count(query_id: int, now: datetime, **more: int) -> None:
    day = now.astimezone(TOKYO).date()
    QueryDay.objects.get_or_create(query_id=query_id, day=day)
    QueryDay.objects.filter(query_id=query_id, day=day).update(**{name: F(name) + n for name, n in more.items()})


def note_refused(query_id: int, problem: str) -> None:
    """The network does not take these words: they are paused, and the page says why."""
    Query.objects.filter(pk=query_id).update(state=Query.State.PAUSED, problem=problem)


def to_count(now: datetime, every: timedelta, limit: int = 50) -> list[Query]:
    """Queries whose found posts were not looked up for `every`."""
    waiting = Query.objects.filter(Exists(Found.objects.filter(query=OuterRef("pk")))).exclude(
        counted_at__gt=now - every
    )
    return list(waiting.select_related("source").order_by(F("counted_at").asc(nulls_first=True), "pk")[:limit])


def count_verdicts(query: Query, verdicts: Mapping[str, str], now: datetime) -> int:
    """Counts what was decided about the posts a query found (verdict by uid); returns how many changed.

    After 30 days the hashes go; the numbers stay as they are then.
    """
    changes: Counter[tuple[date, str]] = Counter()
    with transaction.atomic():
        for found in list(Found.objects.select_for_update().filter(query=query)):
            verdict = verdicts.get(found.uid, "")
            if verdict != found.verdict:
                changes[found.day, found.verdict] -= 1
                changes[found.day, verdict] += 1
                Found.objects.filter(pk=found.pk).update(verdict=verdict)
        for (day, verdict), n in changes.items():
            if verdict in ("in_scope", "not_in_scope") and n:
                QueryDay.objects.filter(query=query, day=day).update(**{verdict: F(verdict) + n})
        oldest = now.astimezone(TOKYO).date() - timedelta(days=YIELD_DAYS)
        Found.objects.filter(query=query, day__lt=oldest).delete()
        Query.objects.filter(pk=query.pk).update(counted_at=now)
    return sum(n for n in changes.values() if n > 0)


def add_query(actor: Actor, source: Source, words: str, category: str = "") -> Query:
    """Adds words to search for; those that are there already are asked (again)."""
    actor.must("terms")
    _must_search(actor, source)
    words = " ".join(words.split())
    if not words or len(words) > WORDS_LONGEST or not words.isprintable():
        raise BadInput("words", words, f"one to {WORDS_LONGEST} characters on one line")
    with transaction.atomic():
        if Query.objects.filter(source=source, origin=Query.Origin.PERSON).count() >= MOST_QUERIES:
            raise Refused("this source has as many words of people as it can have; pause or reuse some of them")
        query, _made = Query.objects.get_or_create(
            source=source,
            words=words,
            defaults={
                "category": category,
                "origin": Query.Origin.PERSON,
                "added_by_id": actor.user_id or None,
                "added_at": timezone.now(),
            },
        )
        if query.state != Query.State.ON:
            # a person wants it: it does not age any more
            query.state, query.origin, query.aged_at, query.problem = Query.State.ON, Query.Origin.PERSON, None, ""
            query.added_by_id = actor.user_id or None
            query.save(update_fields=["state", "origin", "aged_at", "added_by", "problem"])
        _note("query_added", actor, source, query=query.pk)
    return query


def switch_query(actor: Actor, source: Source, query_id: int, *, on: bool) -> Query:
    """Pauses a query, or lets it be asked again."""
    actor.must("terms")
    _must_search(actor, source)
    query = Query.objects.filter(source=source, pk=query_id).first()
    if query is None:
        raise BadInput("query", query_id, "this source has no such query")
    state = Query.State.ON if on else Query.State.PAUSED
    if query.state != state:
        with transaction.atomic():
            query.state, query.aged_at, query.problem = state, None, ""
            query.save(update_fields=["state", "aged_at", "problem"])
            _note("query_resumed" if on else "query_paused", actor, source, query=query.pk)
    return query


def change_plan(
    actor: Actor,
    source: Source,
    *,
    per_quarter: int,
    per_day: int,
    explore: int,
    categories: Iterable[str],
    known: Mapping[str, Category],
) -> Plan:
    """Sets the quota (never above what the service allows), the share that all queries have alike, and the categories."""
    actor.must("sources")
    asked, plan = _must_search(actor, source), plan_of(source)
    assert plan is not None
    for field, value, most in (
        ("per_quarter", per_quarter, asked.search_quota[0]),
        ("per_day", per_day, asked.search_quota[1]),
        ("explore", explore, 100),
    ):
        if not 0 <= value <= most:
            raise BadInput(field, value, f"a number from 0 to {most}")
    chosen = sorted(set(categories))
    for slug in chosen:
        if slug not in sought(dict(known)):
            raise BadInput("category", slug, "a category that a detector seeks")
    with transaction.atomic():
        plan.per_quarter, plan.per_day, plan.explore = per_quarter, per_day, explore
        plan.categories = chosen
        plan.save(update_fields=["per_quarter", "per_day", "explore", "categories"])
        _note("plan_changed", actor, source)
        refresh(plan, known, timezone.now())
    return plan


def _must_search(actor: Actor, source: Source) -> Searches:
    if actor.organisation_id and source.organisation_id != actor.organisation_id:
        raise BadInput("source", source.pk, "there is no such source in your organisation")
    asked = searches(source.connector)
    if asked is None:
        raise BadInput("connector", source.connector, "one whose network is asked by words")
    return asked


def _note(kind: str, actor: Actor, source: Source, query: int | None = None) -> None:
    record(kind, actor=actor.name, organisation=source.organisation_id, subject=f"source:{source.pk}", query=query)
