"""Search: the same cases on SQLite and PostgreSQL, and nothing of a word left behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import searching
from yoake.casework.cases.actions import add_by_hand, decide
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.models import Case, Note, Post, SearchText
from yoake.casework.cases.search import Question, forget, index_case, purge, words_of
from yoake.casework.cases.searching import search
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput
from yoake.pipeline.worker import work_once

pytestmark = pytest.mark.django_db

POSTS = {
    "tataki": "今夜タタキの仕事、経験者のみ",
    "tataki_spaced": "た★た★き できる人いますか",
    "ud": "UD募集 日払い",
    "ud_wide": "ＵＤ 即日",
    "cloud": "クラウド cloud の勉強会 study",
    "telegram": "詳しくは t3l3gram まで",
    "one": "罰 あります",
    "kanji": "叩キの件",
    "emoji": "🥦 手押し",
    "latin": "Naïve café offer, contact john_smith99",
    "kana": "ﾊﾞｲﾄ紹介します",
    "lines": "受\nけ\n子",
    "odd": "\u202e逆さ\u202c \U0001f469‍\U0001f469 100%_of 'quoted\" AND NOT OR *",
    "empty": "。、！",
}


@pytest.fixture
def library(live: Source) -> dict[str, Case]:
    """One case for each of POSTS."""
    rows = [
        post(name, text, author_id=f"a-{name}", author_handle=f"h_{name}.example", author_name=f"名前{name}")
        | {"url": f"https://social.example/@{name}/42"}
        for name, text in POSTS.items()
    ]
    arrive(live, rows, [finding(row) for row in range(len(rows))])
    return {case.post.native_id: case for case in Case.objects.select_related("post")}


def found(actor: Actor, asked: str, **more: str) -> list[str]:
    """Native ids of what a question finds, sorted."""
    answer = search(actor, asked, chosen=Filter.of(more), now=NOON)
    return sorted(one.case.post.native_id for one in answer.found)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("叩き", ["kanji", "tataki", "tataki_spaced"]),
        ("タタキ", ["kanji", "tataki", "tataki_spaced"]),
        ("たたき", ["kanji", "tataki", "tataki_spaced"]),
        ("UD", ["ud", "ud_wide"]),
        ("ud", ["ud", "ud_wide"]),
        ("ＵＤ", ["ud", "ud_wide"]),
        ("UD募集", ["ud"]),
        ("募集 UD", ["ud"]),
        ("UD 即日", ["ud_wide"]),
        ("cloud", ["cloud"]),
        ("クラウド", ["cloud"]),
        ("loud", ["cloud"]),
        ("telegram", ["telegram"]),
        ("t3l3gram", ["telegram"]),
        ("罰", ["one"]),
        ("🥦", ["emoji"]),
        ("手押し", ["emoji"]),
        ("naive", ["latin"]),
        ("CAFÉ", ["latin"]),
        ("smith", ["latin"]),
        ("john_smith99", ["latin"]),
        ("バイト", ["kana"]),
        ("受け子", ["lines"]),
        ("h_ud.example", ["ud"]),
        ("h_ud", ["ud", "ud_wide"]),
        ("social.example/@emoji/42", ["emoji"]),
        ("https://social.example/@lines/42", ["lines"]),
        ("名前cloud", ["cloud"]),
        ("100%", ["odd"]),
        ("逆さ", ["odd"]),
        ("事経", []),  # in another order than asked
        ("経験 タタキ", ["tataki"]),
        ("者験", []),
        ("存在しない", []),
        ("AND", ["odd"]),
        ('words:x NEAR(a b) -c "', []),
        ("*", []),
        ("。、", []),
        ("", []),
    ],
)
def test_a_question_finds_what_folding_undoes(
    library: dict[str, Case], as_analyst: Actor, asked: str, names: list[str]
) -> None:
    assert found(as_analyst, asked) == names


def test_every_part_of_a_post_finds_it(library: dict[str, Case], as_analyst: Actor) -> None:
    for name, text in POSTS.items():
        for word in re.findall(r"\w+", text):
            if name != "lines":  # folding makes one word of its three
                assert name in found(as_analyst, word), (name, word)


def test_what_it_says_now_its_notes_and_its_address_are_searched(
    waiting: Case, live: Source, analyst: User, as_analyst: Actor
) -> None:
    arrive(live, [post(text="別の文章になった")], [finding()])
    assert found(as_analyst, "高額バイト") == []
    assert found(as_analyst, "別の文章") == ["1"]
    Note.objects.create(case=waiting, by=analyst, at=NOON, text="上司に相談すみ")
    index_case(waiting)
    assert found(as_analyst, "上司") == ["1"]
    assert list(search(as_analyst, "相談 別の", chosen=Filter(), now=NOON).found[0].places) == ["text", "note"]
    added = add_by_hand(as_analyst, url="https://board.example/offers/77", text="荷物を運ぶ", now=NOON).case
    assert [one.case.pk for one in search(as_analyst, "offers/77", chosen=Filter(), now=NOON).found] == [added.pk]


def test_places_are_those_of_the_original() -> None:
    text = "👩‍👩 ﾊﾞｲﾄ か゛い た★た★き"
    said = {
        word: [text[start:end] for start, end in Question.of(word).places({"text": text})["text"]]
        for word in ("バイト", "叩き", "がい")
    }
    assert said == {"バイト": ["ﾊﾞｲﾄ"], "叩き": ["た★た★き"], "がい": ["か゛い"]}


def test_decided_cases_are_found_newest_first_and_filters_hold(library: dict[str, Case], as_analyst: Actor) -> None:
    case = library["ud"]
    decide(as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="drug_ad", now=NOON)
    answer = search(as_analyst, "UD", chosen=Filter(), now=NOON)
    assert [one.case.pk for one in answer.found] == [library["ud_wide"].pk, case.pk]
    assert [one.standing.verdict if one.standing else "" for one in answer.found] == ["", "in_scope"]
    for state, name in (("waiting", "ud_wide"), ("done", "ud")):
        only = search(as_analyst, "UD", chosen=Filter(), state=state, now=NOON).found
        assert [one.case.post.native_id for one in only] == [name]
    Case.objects.filter(pk=case.pk).update(prefecture="東京都")
    assert found(as_analyst, "UD", prefecture="東京都") == ["ud"]
    assert search(as_analyst, "UD", chosen=Filter(), practice=True, now=NOON).found == []


def test_pages_go_back_in_time_and_miss_nothing(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "ROWS", 3)
    monkeypatch.setattr(searching, "_BATCH", 2)
    cases = many_waiting(8)
    met: list[int] = []
    before = 0
    for _ in range(9):
        answer = search(as_analyst, "詳しく", chosen=Filter(), before=before, now=NOON)
        met += [one.case.pk for one in answer.found]
        before = answer.following
        if not before:
            break
    assert met == sorted((case.pk for case in cases), reverse=True)


def test_a_search_is_written_down_without_its_words(
    library: dict[str, Case], as_analyst: Actor, as_supervisor: Actor
) -> None:
    for actor, asked in ((as_analyst, "叩き"), (as_supervisor, "タタキ"), (as_analyst, "UD")):
        search(actor, asked, chosen=Filter(), now=NOON)
    told = list(Entry.objects.filter(kind="searched").order_by("pk"))
    assert [(entry.actor, entry.facts["found"]) for entry in told] == [
        (as_analyst.name, 3),
        (as_supervisor.name, 3),
        (as_analyst.name, 2),
    ]
    same, again, other = (str(entry.facts["question"]) for entry in told)
    assert same == again != other
    assert re.fullmatch("[0-9a-f]{32}", same)


def test_who_may_search(library: dict[str, Case], as_outsider: Actor) -> None:
    assert found(as_outsider, "叩き") == []
    with pytest.raises(BadInput, match="200"):
        search(as_outsider, "あ" * 201, chosen=Filter(), now=NOON)


def test_what_is_only_recorded_is_not_found(
    waiting: Case, as_analyst: Actor, as_outsider: Actor, outsider: User, live: Source
) -> None:
    other = Source.objects.create(organisation=outsider.memberships.get().organisation, name="o", connector="jsonl")
    arrive(other, [post()], [finding()])
    version = waiting.post.current_id or 0
    theirs = Case.objects.get(organisation_id=as_outsider.organisation_id)
    decide(as_outsider, theirs.pk, "in_scope", version_id=version, category_slug="drug_ad", now=NOON)
    decide(as_analyst, waiting.pk, "in_scope", version_id=version, category_slug="obscene_display", now=NOON)
    assert found(as_analyst, "高額バイト") == []
    assert found(as_outsider, "高額バイト") == ["1"]


def test_erasing_takes_it_from_search(waiting: Case, as_analyst: Actor) -> None:
    assert SearchText.objects.count() == 1
    decide(as_analyst, waiting.pk, "not_in_scope", version_id=waiting.post.current_id or 0, now=NOON)
    assert found(as_analyst, "高額バイト") == ["1"]
    assert work_once(NOON + timedelta(hours=73)) > 0
    assert not SearchText.objects.exists()
    assert found(as_analyst, "高額バイト") == []
    index_case(waiting)
    assert not SearchText.objects.exists()


def test_practice_goes_whole(practice: Source, as_administrator: Actor) -> None:
    from yoake.casework.cases.actions import remove_practice

    arrive(practice, [post("p", "練習の投稿", network="practice")], [finding()])
    assert SearchText.objects.count() == 1
    remove_practice(as_administrator)
    assert not SearchText.objects.exists()


def test_what_is_kept_holds_no_word() -> None:
    kept = words_of(["叩き UD telegram"])
    assert re.fullmatch(r"[a-p]{12}( [a-p]{12})*", kept)
    assert kept != words_of(["叩き UD signal"])


def test_a_search_takes_as_many_queries_for_two_as_for_twenty(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            search(as_analyst, "詳しく", chosen=Filter(), now=NOON)
        return len(captured)

    many_waiting(2)
    few = asked()
    many_waiting(20)
    assert asked() == few


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_word_stays_in_the_database_file(live: Source, as_analyst: Actor) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("looks into SQLite's file")
    rows = [post(str(n), "よくある投稿です", author_id=str(n)) for n in range(40)]
    arrive(live, [*rows, post("secret", "鱧鱚鰯鱸の密輸", author_id="s")], [finding(n) for n in range(41)])
    words = words_of(["鱧鱚鰯鱸"]).split()
    files = [Path(str(connection.settings_dict["NAME"]) + more) for more in ("", "-wal")]

    def kept() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        octets = b"".join(file.read_bytes() for file in files if file.exists())
        return [word for word in words if word.encode() in octets]

    assert kept() == words
    forget(Post.objects.get(native_id="secret"))
    purge()
    assert kept() == []
    assert len(found(as_analyst, "よくある")) == searching.ROWS
