"""The real figures of a small world with small counts, published, and a reader who tries to work them out.

What is the same number, and what is a sum of what, is written down here a second time on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.casework.test_count_suppressing import Adversary, Key, counted, switch_off, undone
from tests.effect_world import NOW, Effects, at
from yoake.casework.count import ledger
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Period
from yoake.casework.count.protecting import THRESHOLD
from yoake.casework.count.suppressing import for_publication
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import system
from yoake.casework.warn.models import Trial

pytestmark = pytest.mark.django_db

ILLEGAL = ("drug_ad", "illegal_gambling_ad", "account_trade")
CATEGORIES = {
    **dict.fromkeys(ILLEGAL, "illegal"),
    "suicide_inducing": "suicide_inducing",
    "criminal_recruitment": "serious_crime_related",
    "serious_crime": "serious_crime_related",
}
NETWORKS = ("fediverse", "board", "picture")
BODIES = ("bird", "board", "camera")


def world(here: Effects, seed: int) -> None:
    """About a hundred items of one week: decided, warned, asked about and looked at, seldom and often."""
    random = np.random.default_rng(seed)
    given: dict[str, Any] = {
        "organisation": here.organisation,
        "by": here.user,
        "category": "drug_ad",
        "language": "ja",
    }
    given |= {"first_digest": "0" * 64, "second_digest": "1" * 64, "at": at(0)}
    over, runs = Trial.objects.create(**given, ended_at=at(700)), Trial.objects.create(**given | {"language": "en"})
    for n in range(90):
        slug = str(random.choice(list(CATEGORIES), p=[0.45, 0.04, 0.03, 0.03, 0.42, 0.03]))
        network = str(random.choice(NETWORKS, p=[0.6, 0.36, 0.04]))
        verdict = "in_scope" if random.random() < 0.85 else "not_in_scope"
        inside: dict[str, Any] = {"category": slug, "hotline_class": CATEGORIES[slug]} if verdict == "in_scope" else {"category": "", "hotline_class": ""}  # fmt: skip
        case = here.case(float(n % 40), network=network, verdict=verdict, **inside)
        if verdict != "in_scope":
            continue
        act = random.random()
        if act < 0.4:
            drawn: dict[str, Any] = (
                {"trial": runs, "arm": "second" if n % 4 else "first"} if slug == "drug_ad" and n % 3 else {}
            )
            here.warn(
                case, n % 40 + 1, category=slug, letter_digest=("ab" if random.random() < 0.93 else "cd") * 32, **drawn
            )
        elif act < 0.8:
            here.ask(case, n % 40 + 1, body=str(random.choice(BODIES, p=[0.6, 0.36, 0.04])))
        if random.random() < 0.5:
            here.look(case, n % 40 + 25, "removed" if random.random() < 0.6 else "up")
    for n in range(24):
        case = here.case(float(n))
        here.warn(case, n + 1, letter_digest="ab" * 32, trial=over, arm="second" if n % 2 else "first")
        here.look(case, n + 25, "removed" if (n < 8 and n % 2) or (n % 2 == 0 and n > 5) else "up")


class Reader(Adversary):
    """Knows how the figures hang together, also parts and denominators of shares."""

    def learns(self, shown: Sequence[Counted], true: Sequence[Counted]) -> None:
        """Reads what is shown; of what is hidden, only whether a count, a share or a time stood there (its neighbours tell)."""
        self.true: dict[Key, int] = {}
        for one, real in zip(shown, true, strict=True):
            of_key = {
                table.key: table for table in real.tables
            }  # what stays in the house is not among those that are shown
            for table, real_table in ((table, of_key[table.key]) for table in one.tables):
                for row in real_table.rows:
                    for column, cell in zip(real_table.columns, row.cells, strict=True):
                        at = (one.name, table.key, row.key, column.key)
                        seen = table.cell(row.key, column.key)
                        if cell.is_count:
                            self._number((*at, "n"), int(cell.value or 0), hidden=seen.suppressed)
                        elif cell.of is not None and not cell.published:
                            self._number((*at, "of"), cell.of, hidden=seen.suppressed, least=0)
                            part = cell.rests_on if cell.part is None else cell.part
                            if part is not None:
                                self._number((*at, "part"), part, hidden=seen.suppressed, least=0)
                                self._number((*at, "rest"), cell.of - part, hidden=seen.suppressed, least=0)
                                self.sums.append(((*at, "of"), [(*at, "part"), (*at, "rest")]))
        for place in [place for place in self.true if place[-1] == "n"]:
            self._left(place)
        for one in true:
            for table in one.tables:
                self._table(one.name, [row.key for row in table.rows], [c.key for c in table.columns], table)

    def _number(self, at: Key, value: int, *, hidden: bool, least: int = 1) -> None:
        self.true[at] = value
        if hidden:
            self.hidden.append(at)
            self.least[at] = least
        else:
            self.shown[at] = value

    def _left(self, at: Key) -> None:
        """How many of the watched are not among those that are still there, or seen gone: whoever sees both subtracts."""
        watched = {"deletion": "0", "letters": "watched"}.get(at[0], "")
        of = at[3].isdigit() and at[3] != "0" if at[0] == "deletion" else at[3] == "gone" or at[3].startswith("still.")
        if watched and of and at[1] in ("watched", "warnings", "trial_warnings"):
            whole, left = (*at[:3], watched, "n"), (*at[:4], "left")
            self._number(left, self.true[whole] - self.true[at], hidden=True, least=0)
            self.sums.append((whole, [at, left]))

    def _table(self, name: str, rows: Sequence[str], columns: Sequence[str], table: Table) -> None:
        for which in ("n", "part", "of"):
            for whole, parts in table.row_sums.items():
                for c in columns:
                    self.adds_up((name, table.key, whole, c, which), [(name, table.key, p, c, which) for p in parts])
        for whole, parts in table.column_sums.items():
            for r in rows:
                self.adds_up((name, table.key, r, whole, "n"), [(name, table.key, r, p, "n") for p in parts])

    def adds_up(self, whole: Key, parts: Sequence[Key]) -> None:
        """A sum, where all of it stands somewhere; it must be one."""
        if parts and all(one in self.true for one in (whole, *parts)):
            assert self.true[whole] == sum(self.true[one] for one in parts), (whole, parts)
            self.sums.append((whole, list(parts)))

    def equal(self, *all_of: Key) -> None:
        """The same number in several places."""
        there = [one for one in all_of if one in self.true]
        assert len(there) > 1, all_of
        for one in there[1:]:
            self.adds_up(there[0], [one])

    def worked_out(self) -> list[tuple[Key, tuple[float, float]]]:
        """Hidden counts, and small numbers behind hidden shares, of which too little remains open."""
        asked = {at for at in self.hidden if at[-1] == "n" or (at[-1] != "rest" and 1 <= self.true[at] < THRESHOLD)}
        return [(at, ends) for at, ends in undone(self.concludes(asked)) if at in asked]


def knows(reader: Reader, year: str, organisation: str) -> None:
    """What a reader of all figures of a year can see is the same."""
    reader.equal(
        ("decided", "decided", "all", "in_scope", "n"),
        *((figure, table, "all", "n", "n") for figure, table in (("categories", "categories"), ("categories", "classes"), ("prefectures", "prefectures"))),
        ("categories", "along", "all", "all", "n"),
        *(("sources", table, "all", "in_scope", "n") for table in ("sources", "networks")),
        ("organisations", "organisations", organisation, "in_scope", "n"),
        ("no_request", "reasons", "items", "all", "n"),
    )  # fmt: skip
    reader.equal(
        ("decided", "decided", "all", "all", "n"),
        *(("sources", table, "all", "decided", "n") for table in ("sources", "networks")),
        ("organisations", "organisations", organisation, "decided", "n"),
        ("times", "to_decision", "all", "n", "n"),
    )
    for named in sorted(set(CATEGORIES.values())):
        reader.equal(
            ("categories", "classes", named, "n", "n"),
            ("f9", "analysed", named, year, "n"),
            ("no_request", "reasons", "items", named, "n"),
        )
        of_class = [("categories", "categories", slug, "n", "n") for slug, its in CATEGORIES.items() if its == named]
        reader.adds_up(("f9", "analysed", named, year, "n"), [one for one in of_class if one in reader.true])
    recruitment = ("categories", "categories", "criminal_recruitment", "n", "n")
    reader.equal(
        recruitment, ("f10", "recruitment", "analysed", year, "n"), ("f9", "analysed", "recruitment", year, "n")
    )
    for column, other in (
        ("went", "all"),
        ("unseen", "unseen"),
        ("watched", "0"),
        ("still.24", "24"),
        ("still.168", "168"),
    ):
        reader.equal(("letters", "warnings", "all", column, "n"), ("deletion", "watched", "warning", other, "n"))
    reader.equal(("letters", "warnings", "all", "gone", "n"), ("deletion", "beside", "warning", "gone", "part"))
    reader.equal(
        ("deletion", "watched", "warning", "all", "n"),
        ("deletion", "beside", "warning", "gone", "of"),
        ("organisations", "organisations", organisation, "warning", "n"),
    )
    for after in ("warning", "request", "nothing"):
        rows = [
            f"{network}.{after}"
            for network in NETWORKS
            if ("deletion", "watched", f"{network}.{after}", "0", "n") in reader.true
        ]
        for hours in ("1", "6", "24"):
            share = ("deletion", "gone", after, hours)
            reader.equal((*share, "of"), ("deletion", "watched", after, "0", "n"))
            for which in ("part", "of"):
                reader.adds_up((*share, which), [("deletion", "networks", row, hours, which) for row in rows])
            for row in rows:
                if ("deletion", "networks", row, hours, "of") in reader.true:
                    reader.equal(("deletion", "networks", row, hours, "of"), ("deletion", "watched", row, "0", "n"))
    reader.equal(("deletion", "median", "warning", "median", "part"), ("deletion", "beside", "warning", "gone", "part"))
    over = f"trial.{Trial.objects.exclude(ended_at=None).get().pk}"
    arms = [("letters", "trial_warnings", f"{over}.{arm}", "gone", "n") for arm in ("first", "second")]
    reader.equal(("letters", "tests", over, "p", "part"), min(arms, key=reader.true.__getitem__))
    reader.equal(
        *(("providers", table, "all", "asked", "n") for table in ("providers", "kinds")),
        ("organisations", "organisations", organisation, "request", "n"),
    )
    for body in (*BODIES, "all"):
        row = body if body == "all" else f"{body}.{organisation}"
        reader.equal(("providers", "providers", row, "asked", "n"), ("providers", "shares", row, "answered", "of"))


def _without_running(one: Counted) -> Counted:
    """Without the rows of trials that run, and the tables of letters by network: they stay in the house."""
    if one.name != "letters":
        return one
    runs = f"trial.{Trial.objects.get(ended_at=None).pk}"
    leaving = [table for table in one.tables if table.key not in ("networks", "network_warnings")]
    tables = [replace(table, rows=[row for row in table.rows if not row.key.startswith(runs)]) for table in leaving]
    sums = [{whole: parts for whole, parts in table.row_sums.items() if whole != runs} for table in tables]
    return replace(one, tables=[replace(table, row_sums=told) for table, told in zip(tables, sums, strict=True)])


def published(here: Effects) -> tuple[Reader, list[Counted]]:
    """What is published of the year, and a reader of it."""
    year = Period.read("2024")
    scope = Scope(here.organisation.pk, year, NOW)
    counted_all = ledger.count(system("test"), scope)
    true = [_without_running(one) for one in counted_all if one.name not in ("pace", "terms")]
    shown = for_publication(counted_all)
    reader = Reader()
    reader.learns(shown, true)
    knows(reader, year.key, str(here.organisation.pk))
    return reader, shown


@pytest.fixture
def here(police: Organisation, analyst: User) -> Effects:
    return Effects(police, analyst)


def test_nothing_hidden_can_be_worked_out_of_the_real_figures(here: Effects) -> None:
    world(here, 2)
    reader, _shown = published(here)
    counts = [at for at in reader.hidden if at[-1] == "n"]
    assert {at[0] for at in counts} >= {"categories", "f9", "deletion", "letters", "providers"}
    assert not [at for at, n in reader.shown.items() if at[-1] == "n" and 1 <= n < THRESHOLD]
    assert not reader.worked_out()


def test_without_further_cells_the_real_figures_tell(here: Effects, monkeypatch: pytest.MonkeyPatch) -> None:
    world(here, 1)
    switch_off(monkeypatch)
    reader, _shown = published(here)
    assert {at[0] for at, _ends in reader.worked_out()} >= {"categories", "deletion", "providers"}


def test_an_estimate_goes_where_the_events_it_rests_on_are_few() -> None:
    columns = [Column("24", ""), Column("168", "")]
    cells = [Cell(0.06, 0.02, 0.2, of=100, rests_on=3), Cell(0.3, 0.2, 0.4, of=100, rests_on=20)]
    told = counted("f", Table("t", "", "", columns, [Row("a", "", cells)], percent=True))
    (row,) = for_publication([told])[0].tables[0].rows
    assert [cell.suppressed for cell in row.cells] == [True, False]
