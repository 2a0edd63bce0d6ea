"""F-9, F-10 and F-11: the white paper's figures to the digit from nothing but events, and what one changed event changes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Exists, OuterRef
from django.utils.translation import override

from tests.count_world import RECRUITMENT, SMALL, WHITE_PAPER, Year, end_of_fifth_day, fill, tokyo
from yoake.casework.cases.models import Case, Decision, Outcome
from yoake.casework.count import ledger, published
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.periods import Period
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import system
from yoake.casework.report.models import Report
from yoake.casework.request.models import Request
from yoake.errors import BadInput

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
FIGURES = ("f9", "f10", "f11")
Cells = dict[tuple[str, int], int | float | None]


def asked(organisation: Organisation, year: int, now: datetime = NOW) -> dict[str, Table]:
    scope = Scope(organisation.pk, Period.year(year), now)
    return {one.name: one.tables[0] for one in ledger.count(system("test"), scope, FIGURES)}


def cells(tables: Mapping[str, Table]) -> Cells:
    """Every cell by "table row" and year."""
    return {
        (f"{name} {row.key}", int(column.key)): row.cells[place].value
        for name, table in tables.items()
        for row in table.rows
        for place, column in enumerate(table.columns)
    }


def expected(years: Mapping[int, Year], first: int) -> Cells:
    return {(name, year): n for year in range(first, first + 5) for name, n in years[year].column(year).items()}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_the_white_paper_to_the_digit(hotline: Organisation, analyst: User) -> None:
    fill(WHITE_PAPER, hotline, analyst)
    tables = asked(hotline, 2024)
    assert cells(tables) == expected(WHITE_PAPER, 2020)
    assert not any(cell.published for table in tables.values() for row in table.rows for cell in row.cells)


def test_both_class_changes_and_the_whole_deployment(hotline: Organisation, analyst: User) -> None:
    fill(SMALL, hotline, analyst)
    assert cells(asked(hotline, 2025)) == expected(SMALL, 2021)
    scope = Scope(0, Period.year(2024), NOW)
    (everybody,) = ledger.count(system("test"), scope, ["f9"])
    assert everybody.tables[0].cell("total", "2024").value == 137 + 2 * 3, "and what the other organisation analysed"
    with override("en"):
        assert "which two of them handle counts twice" in str(everybody.tables[0].notes[-1])
        assert not any("counts twice" in str(note) for table in asked(hotline, 2025).values() for note in table.notes)


# --- one changed event ------------------------------------------------------------------------------------------------


def undone() -> None:
    """An illegal item of 2024 that nothing was done about."""
    quiet = ~Exists(OutboxItem.objects.filter(case=OuterRef("case")))
    decision = Decision.objects.filter(
        quiet, category="obscene_display", at__gte=at(tokyo(2024, 3)), case__state="decided"
    )
    one = decision.filter(case__practice=False).order_by("at").first()
    assert one is not None
    Decision.objects.create(case=one.case, version=one.version, by=one.by, at=NOW - timedelta(days=9), undoes=one)
    Case.objects.filter(pk=one.case_id).update(state="waiting")


def recruited(requested: bool) -> Case:
    went = Request.objects.filter(case=OuterRef("pk"), started_at__lt=at(tokyo(2025, 2)))
    found = Case.objects.filter(
        Exists(went) if requested else ~Exists(went), practice=False, state="decided", decisions__category=RECRUITMENT,
        decisions__at__gte=at(tokyo(2024, 3)), decisions__at__lt=at(tokyo(2024, 11)), organisation__name="架空ホットライン",
    )  # fmt: skip
    # Only what was decided once: not what the world's decoys judge anew.
    once = [case for case in found.order_by("pk") if case.decisions.count() == 1]
    return once[-1]


def judged_anew(case: Case, slug: str, named: str, when: datetime, verdict: str = "in_scope") -> None:
    was = case.decisions.get()
    Decision.objects.create(
        case=case, version=was.version, by=was.by, at=when, verdict=verdict, category=slug, hotline_class=named
    )


def illegal_instead() -> None:
    judged_anew(recruited(requested=False), "drug_ad", "illegal", at(tokyo(2024, 12)))


def a_class_later() -> None:
    """Judged anew under the class of another year: it moves there."""
    case = recruited(requested=False)
    Decision.objects.filter(case=case).update(at=at(tokyo(2023, 12)))


def suicide_after_all() -> None:
    case = Case.objects.filter(decisions__verdict="cannot_tell", state="decided", practice=False).order_by("pk").first()
    assert case is not None
    judged_anew(case, "suicide_inducing", "suicide_inducing", at(tokyo(2022, 7)))


def over_midnight() -> None:
    last = Decision.objects.filter(at=at(tokyo(2025) - 1e-6), hotline_class="suicide_inducing")
    assert last.exists()
    one = last.first()
    assert one is not None
    Decision.objects.filter(pk=one.pk).update(at=at(tokyo(2025)))


def removed_too_late() -> None:
    one = Outcome.objects.filter(at=at(tokyo(2025, 2) - 1), what="removed").order_by("pk").first()
    assert one is not None
    Outcome.objects.filter(pk=one.pk).update(at=at(tokyo(2025, 2)))


def requested_too_late() -> None:
    one = Request.objects.filter(started_at=at(tokyo(2025, 2) - 2)).order_by("pk").first()
    assert one is not None
    Request.objects.filter(pk=one.pk).update(started_at=at(tokyo(2025, 2)))


def never_went() -> None:
    one = Request.objects.filter(started_at=at(tokyo(2025, 2) - 2)).order_by("pk").first()
    assert one is not None
    Request.objects.filter(pk=one.pk).update(started_at=None)


def a_preservation() -> None:
    Request.objects.filter(pk=fifth_day().case.requests.get().pk).update(kind="preservation")


def fifth_day() -> Outcome:
    """Removed in the last second of the fifth business day; requested in the last second of 2024."""
    return Outcome.objects.get(at=at(end_of_fifth_day(tokyo(2025) - 1) - 1), what="removed")


def sixth_day() -> None:
    one = fifth_day()
    Outcome.objects.filter(pk=one.pk).update(at=one.at + timedelta(seconds=1))


def hidden_only() -> None:
    Outcome.objects.filter(pk=fifth_day().pk).update(what="hidden")


def the_next_year() -> None:
    """The request went a second later, and so in another year; it was removed in time all the same."""
    Request.objects.filter(case=fifth_day().case_id).update(started_at=at(tokyo(2025)))


def an_earlier_request() -> None:
    """Another provider was asked in 2023: the item counts there, once, and was not removed within five days of that."""
    one = fifth_day().case.requests.select_related("item").get()
    item = OutboxItem.objects.get(pk=one.item_id)
    item.pk, item.key = None, "f" * 64
    item.save(force_insert=True)
    one.pk, one.item, one.started_at = None, item, at(tokyo(2023, 12, 20))
    one.save(force_insert=True)


def first_report() -> Report:
    """It went in the first moment of 2024."""
    one = Report.objects.filter(item__sent_at=at(tokyo(2024))).select_related("item").order_by("pk").first()
    assert one is not None
    return one


def no_report() -> None:
    OutboxItem.objects.filter(pk=first_report().item_id).update(sent_at=None, state="failed")


def to_the_labour_bureau() -> None:
    Report.objects.filter(pk=first_report().pk).update(recipient="labour_bureau")


def a_second_earlier() -> None:
    OutboxItem.objects.filter(pk=first_report().item_id).update(sent_at=at(tokyo(2024) - 1))


def another_force_too() -> None:
    one = first_report()
    item = OutboxItem.objects.get(pk=one.item_id)
    item.pk, item.key, item.sent_at = None, "e" * 64, at(tokyo(2024, 5))
    item.save(force_insert=True)
    Report.objects.create(
        item=item, organisation_id=one.organisation_id, case=one.case, recipient=one.recipient, body="b"
    )


def practice_only() -> None:
    Case.objects.filter(pk=fifth_day().case_id).update(practice=True)


def closed() -> None:
    Case.objects.filter(state="decided").update(state="closed")


ITEM_OF_2024 = {("f9 total", 2024): -1}
RECRUITED = {
    **ITEM_OF_2024,
    ("f9 serious_crime_related", 2024): -1,
    ("f9 recruitment", 2024): -1,
    ("f10 analysed", 2024): -1,
}
CHANGES: list[tuple[Callable[[], None], dict[tuple[str, int], int]]] = [
    (undone, {**ITEM_OF_2024, ("f9 illegal", 2024): -1}),
    (
        illegal_instead,
        {("f9 illegal", 2024): 1, **{one: n for one, n in RECRUITED.items() if one != ("f9 total", 2024)}},
    ),
    (a_class_later, {**RECRUITED, **{(name, 2023): 1 for name, _year in RECRUITED}}),
    (suicide_after_all, {("f9 total", 2022): 1, ("f9 suicide_inducing", 2022): 1}),
    (over_midnight, {**ITEM_OF_2024, ("f9 suicide_inducing", 2024): -1}),
    (removed_too_late, {("f10 removed", 2024): -1}),
    (requested_too_late, {("f10 requests", 2024): -1, ("f10 removed", 2024): -1}),
    (never_went, {("f10 requests", 2024): -1, ("f10 removed", 2024): -1}),
    (a_preservation, {("f11 requests", 2024): -1, ("f11 removed", 2024): -1}),
    (sixth_day, {("f11 removed", 2024): -1}),
    (hidden_only, {("f11 removed", 2024): -1}),
    (the_next_year, {("f11 requests", 2024): -1, ("f11 removed", 2024): -1}),
    (an_earlier_request, {("f11 requests", 2024): -1, ("f11 removed", 2024): -1, ("f11 requests", 2023): 1}),
    (no_report, {("f11 reports", 2024): -1}),
    (to_the_labour_bureau, {("f11 reports", 2024): -1}),
    (a_second_earlier, {("f11 reports", 2024): -1, ("f11 reports", 2023): 1}),
    (another_force_too, {}),
    (
        practice_only,  # analysed late in 2023, reported and removed in 2024
        {
            ("f9 total", 2023): -1,
            ("f9 illegal", 2023): -1,
            ("f11 reports", 2024): -1,
            ("f11 requests", 2024): -1,
            ("f11 removed", 2024): -1,
        },
    ),
    (closed, {}),
]


@pytest.mark.parametrize(("change", "difference"), CHANGES, ids=[change.__name__ for change, _n in CHANGES])
def test_one_event_changes_the_right_cells(
    change: Callable[[], None], difference: dict[tuple[str, int], int], hotline: Organisation, analyst: User
) -> None:
    fill(SMALL, hotline, analyst)
    before = cells(asked(hotline, 2024))
    assert before == expected(SMALL, 2020)
    change()
    after = cells(asked(hotline, 2024))
    assert {key: (n or 0) - (before[key] or 0) for key, n in after.items() if n != before[key]} == difference


def test_a_decision_that_waits_for_a_second_person_does_not_count(hotline: Organisation, analyst: User) -> None:
    fill(SMALL, hotline, analyst)
    case = recruited(requested=True)
    removed = case.outcomes.filter(what__in=("removed", "suspended")).exists()
    before = cells(asked(hotline, 2024))
    Case.objects.filter(pk=case.pk).update(state="second_review")
    after = cells(asked(hotline, 2024))
    told = {key: (n or 0) - (before[key] or 0) for key, n in after.items() if n != before[key]}
    assert told.pop(("f10 removed", 2024), 0) in (0, -removed)
    assert told == {**RECRUITED, ("f10 requests", 2024): -1}


# --- what others printed ------------------------------------------------------------------------------------------------


@pytest.fixture
def in_english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.mark.usefixtures("in_english")
def test_what_was_printed_stands_where_nothing_was_counted(hotline: Organisation, analyst: User) -> None:
    tables = asked(hotline, 2026)
    assert cells(tables)["f9 total", 2022] == 28_585
    assert cells(asked(hotline, 2024)) == expected(WHITE_PAPER, 2020)
    for table in tables.values():
        for row in table.rows:
            assert [cell.published for cell in row.cells[:3]] == [cell.value is not None for cell in row.cells[:3]]
            assert not any(cell.published for cell in row.cells[3:])
        (note,) = [str(note) for note in table.notes if "published" in str(note)]
        assert "2023, 2024: published, not counted here, and nobody compared them with the print." in note
        assert "White Paper 2025" in note


def test_what_was_derived_is_never_replaced(hotline: Organisation, analyst: User) -> None:
    fill({2023: Year(3, 0)}, hotline, analyst)
    tables = asked(hotline, 2024)
    told = cells(tables)
    assert (told["f9 total", 2023], told["f9 recruitment", 2023], told["f10 analysed", 2023]) == (3, 0, 0)
    assert told["f11 reports", 2023] == 0, "somebody worked that year, and reported nothing of this class"
    assert (told["f9 total", 2022], told["f9 total", 2024]) == (28_585, 87_565)
    assert tables["f9"].cell("total", "2023").published is False


def test_what_was_printed_adds_up() -> None:
    (paper,) = published.all_printed()
    years = {year: told for year, told in WHITE_PAPER.items() if year < 2025}
    told = {
        (f"{figure} {row}", year): n
        for figure, rows in paper.figures.items()
        for row, of in rows.items()
        for year, n in of.items()
    }
    assert told == {
        (name, year): n for year, of in years.items() for name, n in of.column(year).items() if n is not None
    }


@pytest.mark.parametrize(
    "text",
    ["", "format = 2\nverified = true", "format = 1\nverified = 1", 'format = 1\nverified = true\n[source]\nja = "x"'],
)
def test_a_publication_that_cannot_be_read_is_named(text: str, tmp_path: Any) -> None:
    (tmp_path / "broken.toml").write_text(text)
    assert isinstance(tomllib.loads(text), dict)
    with pytest.raises(BadInput, match=r"broken\.toml"):
        published.all_printed(tmp_path)


# --- how it is told -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_english")
def test_the_notes_say_the_unit_the_cut_offs_and_what_is_not_final(hotline: Organisation, analyst: User) -> None:
    tables = asked(hotline, 2025, datetime(2026, 1, 5, tzinfo=UTC))
    for name, table in tables.items():
        said = " ".join(map(str, table.notes))
        assert "Counting unit: an item" in said
        assert ("not comparable" in said) == (name != "f9")
        assert ("2025: not final, the cut-off is still to come" in said) == (name != "f9")
        assert "the year is not over" not in said
    running = asked(hotline, 2025, datetime(2025, 12, 31, 14, 59, 59, tzinfo=UTC))["f9"].notes
    assert "2025: not final, the year is not over." in map(str, running)
    assert not any("not final" in str(note) for table in asked(hotline, 2025).values() for note in table.notes)


def test_the_number_of_queries_does_not_grow(hotline: Organisation, analyst: User) -> None:
    fill(SMALL, hotline, analyst)
    scope = Scope(hotline.pk, Period.year(2024), NOW)
    assert [len(one.queries) for one in ledger.count(system("test"), scope, FIGURES)] == [1, 1, 2]


def test_whose_table_it_is_and_what_others_printed_in_every_language(hotline: Organisation) -> None:
    """Figures are told in one language and read in another: nothing of their words is fixed when it is made."""
    with override("ja"):
        (one,) = ledger.count(system("test"), Scope(hotline.pk, Period.year(2024), NOW), ["f9"])
        (of_2026,) = ledger.count(system("test"), Scope(hotline.pk, Period.year(2026), NOW), ["f10"])
    told: dict[str, list[str]] = {}
    for language in ("ja", "en", "ja"):
        with override(language):
            told[language] = [
                str(one.figure.source),
                *map(str, one.tables[0].notes),
                *map(str, of_2026.tables[0].notes),
            ]
    assert "feature on crime involving social media, F-9;" in told["en"][0]
    assert told["ja"][0].startswith("警察庁『令和7年版 警察白書』")
    assert "のF-9。" in told["ja"][0]
    assert not set(told["ja"]) & set(told["en"])
    assert any("figures are those of" in note for note in told["en"])
    assert any(note.startswith("2026: not final") for note in told["en"])
    assert any(note.startswith("2026年：") for note in told["ja"])
    assert not [note for notes in told.values() for note in notes if "{" in note or "%(" in note]
