"""Watch plans: which words, whose turn, within which quota, and what each brought."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.board import board
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources import plans
from yoake.casework.sources.actions import add_source
from yoake.casework.sources.models import Found, Plan, Query, QueryDay, Source
from yoake.casework.sources.plans import Standing, live_queries, next_query
from yoake.detect.category import Category, load_categories
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.count_yields import count_yields

__all__ = ["board"]  # a fixture

pytestmark = pytest.mark.django_db

KNOWN = load_categories()[0]


@pytest.fixture
def source(police: Organisation, board: str) -> Source:
    return add_source(system("command"), police, board, options={"path": "x"})


@pytest.fixture
def plan(source: Source) -> Plan:
    found = plans.plan_of(source)
    assert found is not None
    return found


def query(source: Source, words: str = "受け子募集", **more: object) -> Query:
    return Query.objects.create(source=source, words=words, origin="person", added_at=NOON, **more)


def turns(standings: list[Standing], n: int, explore: float) -> Counter[int]:
    """How often each is asked in `n` turns when nothing else changes."""
    asked: Counter[int] = Counter()
    for turn in range(1, n + 1):
        chosen = next_query(standings, explore=explore)
        assert chosen is not None
        asked[chosen] += 1
        standings = [replace(one, last_turn=turn) if one.pk == chosen else one for one in standings]
    return asked


# --- words of the lexicon -------------------------------------------------------------------------------------------


def test_the_lexicon_gives_a_bounded_number_of_telling_words() -> None:
    told = live_queries(KNOWN)
    per_category = Counter(slug for _words, slug in told)
    assert max(per_category.values()) <= plans.OF_A_CATEGORY
    assert len(told) == len({words for words, _slug in told})
    assert {slug for slug, category in KNOWN.items() if not category.record_only} == set(per_category)
    phrases = {p.cue: p for c in KNOWN.values() for p in c.phrases}
    assert all(not cue.startswith("frame:") or cue for cue in phrases)
    for words, _slug in told:
        assert len(words.replace(" ", "")) >= 3
        assert any("ぁ" <= c <= "鿿" for c in words), words


def test_short_weak_and_opposing_forms_are_left_out() -> None:
    recruitment = [words for words, slug in live_queries(KNOWN, ["criminal_recruitment"])]
    assert "受け子募集" in recruitment
    assert not {"UD", "叩き", "運び", "タタキ", "テレアポ"} & set(recruitment)
    frames = {p.phrase for p in KNOWN["criminal_recruitment"].phrases if p.cue.startswith("frame:")}
    assert not frames & set(recruitment)
    assert all(slug == "drug_ad" for _words, slug in live_queries(KNOWN, ["drug_ad"]))


def test_an_overlay_brings_its_word(tmp_path: Path) -> None:
    folder = tmp_path / "criminal_recruitment"
    folder.mkdir()
    (folder / "phrases.tsv").write_text(
        "cue\tphrase\tweight\tlang\tfirst_seen\tsource\tnote\nreceiver\tにこにこ隊募集\t4.5\tja\t2026-11\tdesk\t\n"
    )
    words = [words for words, _slug in live_queries(load_categories(tmp_path)[0])]
    assert "にこにこ隊募集" in words
    assert "にこにこ隊募集" not in [words for words, _slug in live_queries(KNOWN)]


def small(*words: str) -> dict[str, Category]:
    category = KNOWN["criminal_recruitment"]
    kept = tuple(replace(p, phrase=w) for p, w in zip(category.phrases, words, strict=False))
    return {category.slug: replace(category, phrases=kept)}


def test_dropped_words_age_and_come_back(source: Source, plan: Plan) -> None:
    plans.refresh(plan, small("受け子募集", "叩き案件"), NOON)
    assert set(Query.objects.values_list("words", "state")) == {("受け子募集", "on"), ("叩き案件", "on")}
    plans.refresh(plan, small("受け子募集"), NOON)
    assert Query.objects.get(words="叩き案件").state == "aged"
    plans.refresh(plan, small("受け子募集", "叩き案件"), NOON)
    assert Query.objects.get(words="叩き案件").state == "on"


def test_what_a_person_paused_stays_paused(source: Source, plan: Plan, as_supervisor: Actor) -> None:
    plans.refresh(plan, small("受け子募集"), NOON)
    plans.switch_query(as_supervisor, source, Query.objects.get().pk, on=False)
    plans.refresh(plan, small("受け子募集"), NOON)
    assert Query.objects.get().state == "paused"


def test_words_that_nobody_writes_age_for_a_while(source: Source, plan: Plan) -> None:
    plans.refresh(plan, small("受け子募集", "叩き案件"), NOON)
    silent = Query.objects.get(words="叩き案件")
    spoken = Query.objects.get(words="受け子募集")
    QueryDay.objects.create(query=silent, day=NOON.date(), asked=30, posts=0)
    QueryDay.objects.create(query=spoken, day=NOON.date(), asked=30, posts=1)
    plans.refresh(plan, small("受け子募集", "叩き案件"), NOON)
    assert set(Query.objects.filter(state="on")) == {spoken}
    plans.refresh(plan, small("受け子募集", "叩き案件"), NOON + timedelta(days=10))
    assert Query.objects.filter(state="on").count() == 1
    plans.refresh(plan, small("受け子募集", "叩き案件"), NOON + timedelta(days=61))
    assert Query.objects.filter(state="on").count() == 2


# --- turns ----------------------------------------------------------------------------------------------------------


def test_no_queries_no_turn() -> None:
    assert next_query([], explore=0.2) is None


def test_every_query_has_its_first_turn_before_any_second() -> None:
    asked = turns([Standing(n, 0) for n in range(12)], 12, 0.2)
    assert asked == Counter(range(12))


def test_a_new_query_is_next() -> None:
    standings = [Standing(1, 50, asked=40, in_scope=40, posts=90, queued=60), Standing(2, 49), Standing(3, 0)]
    assert next_query(standings, explore=0.2) == 3


def test_quota_goes_where_posts_in_scope_are_found() -> None:
    pays = Standing(1, 0, asked=100, posts=300, queued=60, in_scope=50, not_in_scope=10)
    noise = [Standing(n, 0, asked=100, posts=900, queued=20, not_in_scope=20) for n in range(2, 12)]
    asked = turns([pays, *noise], 1000, 0.2)
    assert asked[1] > 600
    assert min(asked[n] for n in range(2, 12)) >= 15, "a fifth of 1,000 turns is shared by all alike: 18 each"


def test_twice_the_yield_is_asked_twice_as_often() -> None:
    standings = [
        Standing(1, 0, asked=999, queued=400, in_scope=400),
        Standing(2, 0, asked=999, queued=200, in_scope=200),
    ]
    asked = turns(standings, 600, 0.0)
    assert 1.9 < asked[1] / asked[2] < 2.1


def test_all_is_shared_alike_with_full_exploration() -> None:
    pays = Standing(1, 0, asked=100, queued=50, in_scope=50)
    asked = turns([pays, Standing(2, 0, asked=100), Standing(3, 0, asked=100)], 300, 1.0)
    assert max(asked.values()) - min(asked.values()) <= 1


def test_the_same_seed_gives_the_same_order() -> None:
    standings = [Standing(n, 0) for n in range(30)]
    orders = [[next_query(standings[k:], explore=0.2, seed=seed) for k in range(29)] for seed in (7, 7, 8)]
    assert orders[0] == orders[1] != orders[2]


# --- the quota ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_quarter", "per_day"), [(60, 5_760), (10, 50), (300, 300), (1, 1), (3, 2), (0, 100)])
def test_no_window_holds_more_requests_than_allowed(source: Source, plan: Plan, per_quarter: int, per_day: int) -> None:
    plan.per_quarter, plan.per_day = per_quarter, per_day
    asked = query(source)
    went: list[datetime] = []
    days = 1.25
    for second in range(0, int(days * 86_400), 60):  # as often as it may, looked at every minute, past midnight
        now = NOON + timedelta(seconds=second)
        while plans.tokens_at(plan, now) >= 1:
            plans.note_request(plan, asked.pk, plan.turn + 1, now)
            went.append(now)
            if per_quarter > 100 or per_day > 1000:
                break
    for window, most in ((900, per_quarter), (86_400, per_day)):
        for n, first in enumerate(went):
            until = first + timedelta(seconds=window)
            assert sum(1 for at in went[n : n + most + 2] if at < until) <= most
    assert sum(QueryDay.objects.values_list("asked", flat=True)) == len(went)
    if per_quarter and per_day >= 10:
        assert len(went) >= 0.7 * days * min(per_day, 96 * per_quarter, 1_440)


def test_what_is_left_survives_a_restart(source: Source, plan: Plan) -> None:
    asked = query(source)
    while plans.tokens_at(plan, NOON) >= 1:
        plans.note_request(plan, asked.pk, 1, NOON)
    again = Plan.objects.get(pk=plan.pk)
    assert plans.tokens_at(again, NOON) < 1
    assert plans.tokens_at(again, NOON + timedelta(days=1)) >= 1


# --- what people change ---------------------------------------------------------------------------------------------


def test_people_add_and_pause_words(source: Source, as_supervisor: Actor, as_analyst: Actor) -> None:
    added = plans.add_query(as_supervisor, source, "  にこにこ 隊 ", "criminal_recruitment")
    assert (added.words, added.origin, added.added_by_id) == ("にこにこ 隊", "person", as_supervisor.user_id)
    assert plans.add_query(as_supervisor, source, "にこにこ 隊") == added
    assert plans.switch_query(as_supervisor, source, added.pk, on=False).state == "paused"
    assert plans.standings_of(source, NOON) == []
    assert plans.add_query(as_supervisor, source, "にこにこ 隊").state == "on"
    kinds = list(Entry.objects.filter(subject=f"source:{source.pk}").order_by("id").values_list("kind", "facts"))
    assert kinds[1:] == [("query_added", {"query": added.pk})] * 2 + [
        ("query_paused", {"query": added.pk}),
        ("query_added", {"query": added.pk}),
    ]
    with pytest.raises(Refused):
        plans.add_query(as_analyst, source, "x")
    with pytest.raises(Refused):
        plans.switch_query(as_analyst, source, added.pk, on=False)


@pytest.mark.parametrize("words", ["", "  ", "あ" * 501, "a\u0000b", "a\u202eb"])
def test_words_that_cannot_be_searched_for(source: Source, as_supervisor: Actor, words: str) -> None:
    with pytest.raises(BadInput):
        plans.add_query(as_supervisor, source, words)


def test_another_organisation_sees_no_source(source: Source, as_outsider: Actor) -> None:
    with pytest.raises(BadInput):
        plans.add_query(as_outsider, source, "x")


def test_the_quota_is_never_above_that_of_the_service(source: Source, as_administrator: Actor) -> None:
    def change(**more: int) -> Plan:
        told = {"per_quarter": 10, "per_day": 100, "explore": 30, **more}
        return plans.change_plan(as_administrator, source, categories=["drug_ad"], known=KNOWN, **told)

    plan = change()
    assert (plan.per_quarter, plan.per_day, plan.explore, plan.categories) == (10, 100, 30, ["drug_ad"])
    assert set(Query.objects.values_list("category", flat=True)) == {"drug_ad"}
    for more in ({"per_quarter": 301}, {"per_day": 20_001}, {"explore": 101}, {"per_day": -1}):
        with pytest.raises(BadInput):
            change(**more)
    with pytest.raises(BadInput, match="category"):
        plans.change_plan(
            as_administrator, source, per_quarter=1, per_day=1, explore=0, categories=["obscene_display"], known=KNOWN
        )


def test_words_among_the_settings_are_the_first_of_the_plan(police: Organisation, board: str) -> None:
    source = add_source(system("command"), police, board, options={"path": "x", "queries": "甲,乙,甲"})
    assert plans.plan_of(source) == plans.plan_of(source)
    assert sorted(Query.objects.values_list("words", "origin")) == [("乙", "person"), ("甲", "person")]


def test_a_source_that_is_not_searched_has_no_plan(live: Source, as_supervisor: Actor) -> None:
    assert plans.plan_of(live) is None
    with pytest.raises(BadInput):
        plans.add_query(as_supervisor, live, "x")


# --- yield ----------------------------------------------------------------------------------------------------------


def test_decisions_are_counted_on_the_query_that_found_the_post(source: Source, as_analyst: Actor) -> None:
    both, one = query(source, "案件"), query(source, "受け子")
    taken = arrive(source, [post("1"), post("2"), post("3")], [finding(n) for n in range(3)])
    cases = list(Case.objects.filter(pk__in=taken.opened).order_by("pk").select_related("post"))
    plans.note_found(both.pk, "7", 5, [case.post.uid for case in cases], NOON)
    plans.note_found(one.pk, None, 1, [cases[0].post.uid], NOON)
    plans.note_found(one.pk, None, 1, [cases[0].post.uid], NOON)  # found again: no second find
    for case, verdict in zip(cases, ("in_scope", "not_in_scope"), strict=False):
        decide(
            as_analyst,
            case.pk,
            verdict,
            version_id=case.post.current_id or 0,
            category_slug="criminal_recruitment" if verdict == "in_scope" else "",
        )
    assert count_yields(NOON) == 3
    told = {s.pk: (s.posts, s.queued, s.in_scope, s.not_in_scope) for s in plans.standings_of(source, NOON)}
    assert told == {both.pk: (5, 3, 1, 1), one.pk: (2, 1, 1, 0)}
    assert count_yields(NOON + timedelta(minutes=2)) == 0
    undo(as_analyst, cases[0].pk)
    assert count_yields(NOON + timedelta(minutes=4)) == 2
    told = {s.pk: (s.posts, s.queued, s.in_scope, s.not_in_scope) for s in plans.standings_of(source, NOON)}
    assert told == {both.pk: (5, 3, 0, 1), one.pk: (2, 1, 0, 0)}


def test_hashes_go_after_thirty_days_and_numbers_stay(source: Source) -> None:
    asked = query(source)
    plans.note_found(asked.pk, None, 4, ["a" * 64], NOON)
    count_yields(NOON)
    assert Found.objects.count() == 1
    count_yields(NOON + timedelta(days=32))
    assert Found.objects.count() == 0
    assert QueryDay.objects.get().queued == 1


def test_nothing_a_query_found_is_kept_as_content() -> None:
    kept = {field.name for model in (Found, QueryDay) for field in model._meta.concrete_fields}
    assert kept == {"id", "query", "uid", "day", "verdict", "asked", "posts", "queued", "in_scope", "not_in_scope"}
