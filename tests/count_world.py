"""Cases and their events by the hundred thousand, whose derived tables are known: the white paper's figures, or a small world's.

    numbers = fill(WHITE_PAPER, organisation, user, seed=7)

Beside what counts, every year has what must not: out of scope, undone, judged anew, practice, copies, other organisations, events
one second after a cut-off or at midnight. Rows are written past the ORM, on both databases; posts have no words.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, Final

from django.core.management.color import no_style
from django.db import connection

from bench.rows import without_indexes, without_triggers
from yoake.casework.cases.models import Case, Decision, Outcome, Post, PostVersion
from yoake.casework.due import TOKYO, business_days_after
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User
from yoake.casework.report.models import Report
from yoake.casework.request.models import Request

PLACES: Final = ("東京都", "大阪府", "愛知県", "福岡県", "北海道", "")
ASKED: Final = (Decision, Outcome, Request, Report)  # their indexes are there again when a figure asks
UNASKED: Final = (Post, Case, OutboxItem)
HOUR, DAY = 3600, 86_400
RECRUITMENT: Final = "criminal_recruitment"
ILLEGAL_SLUGS: Final = ("obscene_display", "account_trade", "drug_ad", "other_illegal", "phone_contract_trade")
LEFT_OUT: Final = (
    ("investment_romance_lure", "harmful"),
    ("coerced_applicant", "at_risk"),
    ("intimate_image_abuse", "record_only"),
)


@dataclass(frozen=True)
class Year:
    """What a year's columns shall say."""

    illegal: int
    suicide: int
    others: int = 0
    recruitment: int = 0  # closely related to serious crimes
    recruitment_illegal: int = 0  # from 1 March 2025
    analysed_requests: int = 0  # F-10
    analysed_removed: int = 0
    reports: int = 0  # F-11
    requests: int = 0
    removed: int = 0

    def column(self, year: int) -> dict[str, int | None]:
        """Every cell of the three tables, by "table row"; None is a dash."""
        serious = self.others + self.recruitment
        cells: dict[str, int | None] = {
            "f9 illegal": self.illegal + self.recruitment_illegal,
            "f9 suicide_inducing": self.suicide,
            "f9 serious_crime_related": serious if year >= 2023 else None,
            "f9 recruitment": self.recruitment if year >= 2023 else None,
            "f9 others": self.others if year >= 2023 else None,
            "f10 analysed": self.recruitment + self.recruitment_illegal if year >= 2023 else None,
            "f10 requests": self.analysed_requests if year >= 2023 else None,
            "f10 removed": self.analysed_removed if year >= 2023 else None,
            "f11 reports": self.reports,
            "f11 requests": self.requests,
            "f11 removed": self.removed,
        }
        return {"f9 total": self.illegal + self.recruitment_illegal + self.suicide + serious, **cells}


WHITE_PAPER: Final[Mapping[int, Year]] = {  # white paper 2025, F-9 to F-11; the last one is invented
    2020: Year(63_189, 4_329, reports=3_099, requests=2_161, removed=1_787),
    2021: Year(41_944, 2_611, reports=3_795, requests=2_206, removed=1_846),
    2022: Year(25_895, 2_690, reports=3_490, requests=2_433, removed=2_026),
    2023: Year(33_200, 6_609, 465, 4_411, 0, 2_979, 2_136, 2_818, 1_913, 1_645),
    2024: Year(66_834, 6_582, 297, 13_852, 0, 9_234, 7_860, 2_898, 2_186, 1_991),
    2025: Year(5_000, 600, 50, 900, 3_100, 2_500, 2_000, 700, 500, 400),
}
SMALL: Final[Mapping[int, Year]] = {
    2020: Year(60, 10, reports=12, requests=10, removed=6),
    2021: Year(50, 12, reports=14, requests=11, removed=7),
    2022: Year(55, 9, reports=13, requests=12, removed=8),
    2023: Year(58, 11, 14, 40, 0, 30, 20, 15, 13, 9),
    2024: Year(64, 13, 12, 48, 0, 36, 25, 16, 14, 10),
    2025: Year(70, 8, 10, 22, 30, 38, 26, 17, 15, 11),
}


def tokyo(year: int, month: int = 1, day: int = 1) -> int:
    """The first moment of that day in Japan, as seconds since 1970."""
    return int(datetime(year, month, day, tzinfo=TOKYO).timestamp())


def fill(years: Mapping[int, Year], organisation: Organisation, user: User, seed: int = 7) -> World:
    """Writes the world of these years, which follow each other; returns it.

    In a transaction that is taken back: indexes that the figures do not ask are dropped, others made anew once all is there.
    """
    world = World(organisation.pk, user.pk, random.Random(seed))
    for year, told in years.items():
        world.year(year, told)
    with connection.cursor() as cursor:
        triggers = without_triggers(cursor)
        made = {model: without_indexes(cursor, model._meta.db_table) for model in (*ASKED, *UNASKED)}
    world.write(_elsewhere(organisation).pk)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for sql in (*(sql for model in ASKED for sql in made[model]), *triggers):
            cursor.execute(sql)
        if connection.vendor == "postgresql":  # as its own autovacuum would: without it, it plans for empty tables
            cursor.execute("ANALYZE")
    return world


def _elsewhere(organisation: Organisation) -> Organisation:
    return Organisation.objects.create(name=f"よその機関（{organisation.pk}）", kind=Organisation.Kind.HOTLINE)


@dataclass
class World:
    """Rows by table; the key of a row is its place, from 1."""

    organisation: int
    user: int
    chance: random.Random
    cases: list[tuple[Any, ...]] = field(default_factory=list)  # state, practice, gold, elsewhere, when it was opened
    decisions: list[tuple[Any, ...]] = field(default_factory=list)
    items: list[tuple[Any, ...]] = field(default_factory=list)
    reports: list[tuple[Any, ...]] = field(default_factory=list)
    requests: list[tuple[Any, ...]] = field(default_factory=list)
    outcomes: list[tuple[Any, ...]] = field(default_factory=list)
    left_of_year: list[tuple[int, float]] = field(default_factory=list)  # illegal items of last year, nothing done yet

    # --- one event each; each returns the key of its row ------------------------------------------------------------

    def case(
        self,
        state: str = "decided",
        *,
        practice: bool = False,
        gold: bool = False,
        elsewhere: bool = False,
        at: float = 0,
    ) -> int:
        self.cases.append((state, practice, gold, elsewhere, int(at) - 3 * HOUR))
        return len(self.cases)

    def decision(
        self, case: int, at: float, slug: str = "", named: str = "", verdict: str = "", undoes: int | None = None
    ) -> int:
        verdict = verdict or ("in_scope" if slug else "")
        self.decisions.append((case, at, slug, named, verdict, undoes))
        return len(self.decisions)

    def item(self, at: float, slug: str, named: str, **of_case: Any) -> int:
        case = self.case(at=at, **of_case)
        self.decision(case, at, slug, named)
        return case

    def request(self, case: int, at: float | None, kind: str = "removal", purpose: str = "first") -> None:
        self.items.append((case, "request", at))
        self.requests.append((len(self.items), case, at, kind, purpose))

    def report(self, case: int, at: float | None, recipient: str = "prefectural_police") -> None:
        self.items.append((case, "report", at))
        self.reports.append((len(self.items), case, recipient))

    def outcome(self, case: int, at: float, what: str = "removed", of: str = "post") -> None:
        self.outcomes.append((case, at, what, of))

    # --- a year ---------------------------------------------------------------------------------------------------------

    def year(self, year: int, told: Year) -> None:
        """Everything of a year: what counts, then what does not."""
        first, end = tokyo(year), tokyo(year + 1)
        illegal = self._analysed(told.illegal, first, end, ILLEGAL_SLUGS, "illegal")
        self._analysed(told.suicide, first, end, ("suicide_inducing",), "suicide_inducing")
        self._analysed(told.others, tokyo(2023, 2, 15), end, ("serious_crime",), "serious_crime_related", first)
        since, until = tokyo(2023, 9, 29), tokyo(2025, 3, 1)
        recruited = self._analysed(
            told.recruitment, since, min(end, until), (RECRUITMENT,), "serious_crime_related", first
        )
        newly = self._analysed(told.recruitment_illegal, until, end, (RECRUITMENT,), "illegal", first)
        if newly:  # suspensions: what is asked about these is no removal request of F-11
            self._requested([*newly, *recruited], year, told.analysed_requests, told.analysed_removed, "suspension")
        else:
            self._requested(recruited, year, told.analysed_requests, told.analysed_removed, "removal")
        early = [one for one in illegal if one[1] < end - 45 * DAY]
        self.chance.shuffle(early)
        self._acted(early, year, told)
        self.left_of_year = [one for one in illegal if one[1] >= end - 20 * DAY]
        self._not_counted(first, end, max(3, told.illegal // 200))

    def _analysed(
        self, n: int, since: int, until: int, slugs: Sequence[str], named: str, first: int = 0
    ) -> list[tuple[int, float]]:
        """Items whose decision stands, some at the very borders; some were judged otherwise before, or it was undone."""
        since = max(since, first)
        made = []
        for place in range(n):
            at: float = since + int(self.chance.random() * (until - since))
            if place < 4:  # the first moment that counts, and the last one
                at = since if place % 2 else until - 1e-6
            slug = slugs[place % len(slugs)]
            case = self.case(at=at)
            if place % 50 == 7:  # judged anew after an edit: the earlier judgement, a year before, stands no more
                self.decision(case, at - 365 * DAY, *LEFT_OUT[0])
            elif place % 50 == 8:
                self.decision(case, at - 365 * DAY, "drug_ad", "illegal")
            elif place % 50 == 9:  # undone, then decided
                wrong = self.decision(case, at - 2 * HOUR, "suicide_inducing", "suicide_inducing")
                self.decision(case, at - HOUR, undoes=wrong)
            elif place % 50 == 10:  # undone the year after, and what was before is not judged anew: counted nowhere
                gone = self.case("waiting")
                wrong = self.decision(gone, at, slug, named)
                self.decision(gone, at + 365 * DAY, undoes=wrong)
            self.decision(case, at, slug, named)
            made.append((case, at))
        return made

    def _requested(self, items: list[tuple[int, float]], year: int, requests: int, removed: int, kind: str) -> None:
        """F-10: what was asked about items of a year, and what was removed until the end of January."""
        end = tokyo(year + 1, 2, 1)
        items = list(items)
        self.chance.shuffle(items)
        for place, (case, at) in enumerate(items):
            went = min(int(at) + int(self.chance.random() * 20 * DAY), end - 2)
            if place < requests:
                if place < 2:
                    went = end - 2  # the last second but one
                self.request(case, went, "suspension" if place % 5 == 4 else kind)
                if place % 40 == 3:  # a second provider, and a second request: one item all the same
                    self.request(case, went + 30, kind)
                    self.request(case, went + 5 * DAY, kind, "second")
                if place < removed:
                    gone = end - 1 if place < 2 else went + int(self.chance.random() * (end - 1 - went))
                    self.outcome(case, gone, "suspended" if place % 9 == 4 else "removed")
                    if place % 9 == 4:
                        self.outcome(case, gone, "suspended", "account")
                elif place % 6 == 0:
                    self.outcome(case, end)  # one second after the last one that counts
                elif place % 6 == 1:
                    self.outcome(case, went - 60)  # before it was asked
                else:
                    self.outcome(case, went + DAY // 2, ("still_up", "refused", "hidden", "gone_before")[place % 4])
            elif place % 5 == 0:
                self.request(case, end, "suspension")
                self.outcome(case, end + HOUR)
            elif place % 5 == 1:
                self.request(case, None, "suspension")
                self.outcome(case, at + HOUR)
            elif place % 5 == 2:
                self.request(case, at + HOUR, "preservation")
                self.request(case, at + HOUR, "suspension", "second")
                self.outcome(case, at + 2 * HOUR)

    def _acted(self, items: list[tuple[int, float]], year: int, told: Year) -> None:
        """F-11: reports and removal requests of a year, about its own items and a few of the year before."""
        first, end = tokyo(year), tokyo(year + 1)
        reported, asked = items[: told.reports], items[-told.requests :] if told.requests else []
        over = self.left_of_year[: min(3, told.reports, told.requests)]
        reported[: len(over)], asked[: len(over)] = over, over
        for place, (case, at) in enumerate(reported):
            went = max(int(at) + int(self.chance.random() * 10 * DAY), first)
            if place < 2:
                went = (first if at < first else end - 1) if place else max(first, int(at))
            self.report(case, min(went, end - 1))
            if place % 30 == 5:  # the next year to another force: one item, in the year of the first
                self.report(case, end + 5 * DAY)
        for place, (case, at) in enumerate(asked):
            went = max(int(at) + int(self.chance.random() * 10 * DAY), first)
            if place == 1:
                went = end - 1
            self.request(case, went)
            if place % 30 == 5:
                self.request(case, end + 3 * DAY)
            last = end_of_fifth_day(went)
            if place < told.removed:
                self.outcome(
                    case, last - 1 if place % 10 == 1 else went + int(self.chance.random() * (last - went - 1))
                )
                if place % 30 == 6:
                    self.outcome(case, last + 3 * DAY, "suspended")
            elif place % 3 == 0:
                self.outcome(case, last)  # one second after the last one that counts
            elif place % 3 == 1:
                self.outcome(case, went - 60)
            else:
                self.outcome(case, went + HOUR, "refused")

    def _not_counted(self, first: int, end: int, n: int) -> None:
        """What must not count, with all that would count otherwise."""
        for place in range(n):
            at = first + int(self.chance.random() * (end - first))
            for verdict in ("not_in_scope", "cannot_tell", "duplicate"):
                self.decision(self.case(at=at), at, verdict=verdict)
            self._all_done(self.item(at, *LEFT_OUT[place % 3]), at)
            for named in (("drug_ad", "illegal"), (RECRUITMENT, "serious_crime_related")):
                self._all_done(self.item(at, *named, practice=True), at)
                self._all_done(self.item(at, *named, elsewhere=True), at)
                self._all_done(self.item(at, *named, state="second_review"), at)
                self._all_done(self.item(at, *named, gold=True), at)
                waits = self.case("waiting")
                wrong = self.decision(waits, at, *named)
                self.decision(waits, at + 30, undoes=wrong)
                self._all_done(waits, at)
                dropped = self.item(at, *named)  # later judged out of scope
                self._all_done(dropped, at)
                self.decision(dropped, at + 40 * DAY, verdict="not_in_scope")
            item = self.case()  # what is of no class of the table is reported and asked for, too
            self.decision(item, at, "suicide_inducing", "harmful")
            self.report(item, at + HOUR, "labour_bureau")

    def _all_done(self, case: int, at: float) -> None:
        self.report(case, at + HOUR)
        self.request(case, at + HOUR)
        self.outcome(case, at + 2 * HOUR)

    # --- writing --------------------------------------------------------------------------------------------------------

    def write(self, elsewhere: int) -> None:
        """Puts all rows into the database; posts are shared by nothing, versions by all."""
        n = len(self.cases)
        insert(Post(network="test", first_seen_at=utc(0)), ("id", "uid"), ((k, f"{k:064d}") for k in range(1, n + 1)))
        insert(PostVersion(post_id=1, content_hash="0" * 64, seen_at=utc(0)), ("id",), [(1,)])
        insert(
            Case(),
            ("id", "post_id", "state", "practice", "gold_for_id", "organisation_id", "opened_at", "prefecture"),
            (
                (
                    *(k, k, state, practice, self.user if gold else None, elsewhere if away else self.organisation),
                    *(utc(opened), PLACES[k % len(PLACES)]),
                )
                for k, (state, practice, gold, away, opened) in enumerate(self.cases, 1)
            ),
        )
        insert(
            Decision(version_id=1, by_id=self.user),
            ("id", "case_id", "at", "category", "hotline_class", "verdict", "undoes_id"),
            ((k, case, utc(at), *rest) for k, (case, at, *rest) in enumerate(self.decisions, 1)),
        )
        insert(
            OutboxItem(channel="by_hand", way="hand", bound="0" * 64, drafted_by_id=self.user, drafted_at=utc(0)),
            ("id", "case_id", "organisation_id", "kind", "state", "sent_at", "key"),
            (
                (k, case, self._of(case, elsewhere), kind, "draft" if at is None else "sent", _or_none(at), f"{k:064d}")
                for k, (case, kind, at) in enumerate(self.items, 1)
            ),
        )
        insert(
            Report(body="example_police"),
            ("id", "item_id", "case_id", "organisation_id", "recipient"),
            (
                (k, item, case, self._of(case, elsewhere), recipient)
                for k, (item, case, recipient) in enumerate(self.reports, 1)
            ),
        )
        insert(
            Request(body="example_board"),
            ("id", "item_id", "case_id", "organisation_id", "started_at", "kind", "purpose"),
            (
                (k, item, case, self._of(case, elsewhere), _or_none(at), kind, purpose)
                for k, (item, case, at, kind, purpose) in enumerate(self.requests, 1)
            ),
        )
        insert(
            Outcome(seen="removed"),
            ("id", "case_id", "at", "what", "of"),
            ((k, case, utc(at), what, of) for k, (case, at, what, of) in enumerate(self.outcomes, 1)),
        )

    def _of(self, case: int, elsewhere: int) -> int:
        return elsewhere if self.cases[case - 1][3] else self.organisation


def end_of_fifth_day(at: float) -> int:
    """The first moment after the fifth business day, as seconds since 1970."""
    last = business_days_after(datetime.fromtimestamp(at, TOKYO), 5).date()
    return int(datetime.combine(last + timedelta(days=1), time.min, TOKYO).timestamp())


def utc(at: float) -> str:
    """As both databases take it: UTC."""
    if isinstance(at, int):
        day, second = divmod(at, DAY)
        return f"{_day(day)} {_second(second)}"
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(" ")


@cache
def _day(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


@cache
def _second(second: int) -> str:
    return f"{second // HOUR:02}:{second // 60 % 60:02}:{second % 60:02}"


def _or_none(at: float | None) -> str | None:
    return None if at is None else utc(at)


def insert(like: Any, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows that are like a model's object but for these columns, in the transaction that is open; indexes come last."""
    table = like._meta.db_table
    fields = [one for one in like._meta.concrete_fields if not one.generated and one.column not in columns]
    rest = tuple(
        told
        if isinstance(told := getattr(like, one.attname), str)
        else one.get_db_prep_save(one.pre_save(like, True), connection)
        for one in fields
    )
    names = ", ".join(f'"{name}"' for name in (*columns, *(one.column for one in fields)))
    full: Iterator[tuple[Any, ...]] = (row + rest for row in rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as out:
                for row in full:
                    out.write_row(row)
        else:
            marks = ", ".join("?" * (len(columns) + len(rest)))
            cursor.connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', full)
        for made in connection.ops.sequence_reset_sql(no_style(), [type(like)]):
            cursor.execute(made)
