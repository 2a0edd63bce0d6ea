"""Asks a network that is searched by words: one query after the other, as the watch plan of the source says."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from django.db import transaction
from django.utils import timezone

from yoake.casework.cases.categories import categories, generation_in_force
from yoake.casework.cases.intake import Taken, intake
from yoake.casework.sources import plans
from yoake.casework.sources.models import Plan, Query, Source
from yoake.collect.connector import Page, Searches
from yoake.collect.net import Net
from yoake.errors import BadInput, YoakeError
from yoake.tables.findings import queued

_IN_A_ROW: Final = 5  # requests of one query, before the next has its turn
_LOOKED_EVERY_S: Final = 1.0  # for what people changed, and for the quota
_REFRESHED_EVERY: Final = timedelta(hours=1)


def searching(source: Source, connector: object) -> Searching | None:
    """How a source is asked by words; None where its connector has nothing to ask."""
    plan = plans.plan_of(source) if isinstance(connector, Searches) else None
    return Searching(source, connector, plan) if isinstance(connector, Searches) and plan is not None else None


class Searching:
    """The pages of a source that is asked by words; what each query brought is noted as its pages are taken in."""

    def __init__(self, source: Source, connector: Searches, plan: Plan) -> None:
        self._source, self._connector, self._plan = source, connector, plan
        self._in_flight: deque[tuple[int, str | None]] = deque()  # query and cursor of each page, in their order
        self._asked: dict[int, tuple[int, str | None]] = {}  # query: its last turn and cursor, ahead of the database
        self._generation = ""

    def pages(self, options: Any, net: Net) -> Generator[Page, None, None]:
        """Never ends by itself: it waits for the next turn, or for somebody to add words."""
        self._in_flight.clear()
        self._asked.clear()
        while not net.stopping:
            now = timezone.now()
            self._renew(now)
            query = self._next(now) if plans.tokens_at(self._plan, now) >= 1 else None
            if query is None:
                if net.wait(_LOOKED_EVERY_S):
                    return
                yield self._tagged(0, Page())
            else:
                yield from self._search(query, options, net)

    def take(self, token: str, page: Page, findings: pa.RecordBatch) -> Taken:
        """Takes the oldest page that was not yet in, and in the same transaction what it says of its query."""
        query_id, cursor = self._in_flight.popleft()
        now = timezone.now()
        with transaction.atomic():
            taken = intake(self._source, token, page, findings, now)
            if query_id and (page.posts.num_rows or cursor is not None):
                found = {finding["uid"] for finding in findings.to_pylist() if queued(finding)}
                plans.note_found(query_id, cursor, page.posts.num_rows, found, now)
        return taken

    def _renew(self, now: datetime) -> None:
        """Reads the plan as people left it, and the lexicon when it changed."""
        kept = self._plan.tokens, self._plan.tokens_at, self._plan.turn
        self._plan.refresh_from_db()
        self._plan.tokens, self._plan.tokens_at, self._plan.turn = kept
        old = self._plan.refreshed_at is None or now - self._plan.refreshed_at > _REFRESHED_EVERY
        if old or self._generation != generation_in_force():
            self._generation = generation_in_force()
            plans.refresh(self._plan, categories(), now)

    def _next(self, now: datetime) -> Query | None:
        standings = [
            replace(one, last_turn=self._asked.get(one.pk, (one.last_turn, None))[0])
            for one in plans.standings_of(self._source, now)
        ]
        chosen = plans.next_query(standings, explore=self._plan.explore / 100, seed=self._plan.seed)
        return Query.objects.filter(pk=chosen).first() if chosen is not None else None

    def _search(self, query: Query, options: Any, net: Net) -> Generator[Page, None, None]:
        turn = self._plan.turn + 1
        cursor = self._asked.get(query.pk, (0, query.cursor))[1]
        requests = 0
        with closing(self._connector.search(query.words, options, cursor, net)) as found:
            while True:
                try:
                    page = next(found, None)
                except BadInput as problem:
                    plans.note_request(self._plan, query.pk, turn, timezone.now())
                    if problem.field not in ("query", "queries"):
                        raise
                    plans.note_refused(query.pk, str(problem))  # the others are asked all the same
                    return
                except YoakeError:  # what failed was asked for all the same
                    plans.note_request(self._plan, query.pk, turn, timezone.now())
                    raise
                if page is None:
                    break
                if page.cursor is not None:
                    requests += 1
                    cursor = page.cursor
                    plans.note_request(self._plan, query.pk, turn, timezone.now())
                self._asked[query.pk] = turn, cursor
                yield self._tagged(query.pk, page)
                if net.stopping or requests >= _IN_A_ROW:
                    return
                if page.cursor is not None and plans.tokens_at(self._plan, timezone.now()) < 1:
                    return
        if not requests:  # a search that says nothing was a question too: the next query has its turn
            plans.note_request(self._plan, query.pk, turn, timezone.now())
            self._asked[query.pk] = turn, cursor

    def _tagged(self, query_id: int, page: Page) -> Page:
        """The page as the line takes it in: its cursor is the query's, not the source's."""
        self._in_flight.append((query_id, page.cursor))
        return replace(page, cursor=None)
