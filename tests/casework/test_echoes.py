"""The words of a post that was stopped go also from what repeats them: replies, what was said of these, surroundings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.casework.test_forgetting import MARK, with_mark
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions, stopped, surroundings
from yoake.casework.cases.echoes import Echoes, echoing, repeats
from yoake.casework.cases.elements import Tied
from yoake.casework.cases.models import (
    Advice,
    Case,
    Decision,
    Finding,
    Note,
    Post,
    PostVersion,
    SecondReview,
    Stop,
    Surroundings,
)
from yoake.casework.cases.search import narrow
from yoake.casework.cases.stop import again, forget_late_echoes, stop, stop_address
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.models import Gold, Sample
from yoake.casework.sources.models import Source
from yoake.collect.connector import Context
from yoake.tables.posts import posts_batch

SAID = f"{MARK} 持ってはならない言葉がここに立つ"
OWN = "高額バイト 詳しくはDMで"


@pytest.fixture(autouse=True)
def _list() -> Iterator[None]:
    stopped.list_file().unlink(missing_ok=True)
    yield
    stopped.list_file().unlink(missing_ok=True)


def spot(field: str, text: str) -> dict[str, Any]:
    return {"field": field, "start": 0, "end": len(text), "text": text}


def reply(**more: Any) -> dict[str, Any]:
    return post("q", OWN, parent_id="p", parent_text=SAID, author_id="other", **more)


def found(own: str = OWN) -> dict[str, Any]:
    """A finding that names places in the reply and in what it answers."""
    spans = [
        {**spot("text", own), "cue": "lure", "weight": 1.0},
        {**spot("parent_text", SAID), "cue": "x", "weight": 1},
    ]
    elements = [{"name": "work", "span": spot("text", own)}, {"name": "pay", "span": spot("parent_text", SAID)}]
    items = {"present": [{"name": "a", "span": spot("parent_text", SAID)}], "missing": ["b"]}
    told = {"ja": f"返信先の投稿で「{SAID}」", "en": f"in the parent post “{SAID}”"}
    return finding(spans=spans, elements=elements, items=items, explanation=told)


@pytest.fixture
def answered(live: Source) -> tuple[Case, Case]:
    """The case of a post, and that of another author's reply, which was stored with the post's words."""
    first = Case.objects.get(pk=arrive(live, [post("p", SAID, author_id="one")], [finding()]).opened[0])
    second = Case.objects.get(pk=arrive(live, [reply()], [found()]).opened[0])
    return first, second


def test_nothing_repeats_what_was_stopped(
    answered: tuple[Case, Case], as_analyst: Actor, as_supervisor: Actor, police: Organisation, live: Source
) -> None:
    case, other = answered
    version = other.post.current
    assert version is not None
    ticks = [Tied("work", "text", 0, 5), Tied("pay", "parent_text", 0, 5)]
    decision = actions.decide(
        as_analyst, other.pk, "in_scope", version_id=version.pk, category_slug="criminal_recruitment",
        reason=f"返信先の投稿に「{SAID[:12]}」との記載があり", now=NOON,
    )  # fmt: skip
    Decision.objects.filter(pk=decision.pk).update(elements=[tick.row() for tick in ticks])
    quoted = f"上の「{SAID[6:16]}」を見よ"
    by = as_supervisor.user_id
    SecondReview.objects.create(case=other, first=decision, why="lot", drawn=True, asked_at=NOON, reason=SAID)
    Note.objects.create(case=other, by_id=by, at=NOON, text=SAID)
    kept_note = Note.objects.create(case=other, by_id=by, at=NOON, text=f"本人は「{OWN}」と書く")
    Advice.objects.create(case=other, asked_by_id=by, asked_at=NOON, question=SAID)
    told = {"organisation": police, "post": other.post, "case": other, "verdict": "in_scope", "by_id": by, "at": NOON}
    gold = Gold.objects.create(**told, why=quoted)
    content = {"network": "test", "parent_id": "p", "parent_text": SAID, "text": OWN}
    Sample.objects.create(organisation=police, day=NOON.date(), lot=1, uid="0" * 64, content=content, due_at=NOON)
    Surroundings.objects.create(
        post=other.post, asked_at=NOON, outcome="fetched",
        body={"parents": [{"text": SAID}], "recent": [], "profile": "", "author_name": ""},
    )  # fmt: skip
    assert "cases.Surroundings.body" in with_mark()

    stop(as_analyst, case.pk, NOON)

    assert with_mark() == set()
    kept = PostVersion.objects.get(pk=version.pk)
    assert (kept.text, kept.parent_id, kept.parent_text) == (OWN, "p", "")
    body = Finding.objects.get(version=kept).body
    assert [span["field"] for span in body["spans"]] == ["text"]
    assert [element["name"] for element in body["elements"]] == ["work"]
    assert body["items"] == {"present": [], "missing": ["b"]}
    decision.refresh_from_db()
    assert decision.reason == ""
    assert decision.elements == [ticks[0].row(), Tied("pay", "", 0, 0).row()]
    gold.refresh_from_db()
    assert gold.why == ""
    assert Sample.objects.get().content["text"] == OWN
    assert list(Note.objects.all()) == [kept_note], "what quotes the reply itself stays"
    assert not narrow(Case.objects.all(), SAID[12:20]).exists()
    (line,) = Entry.objects.filter(kind="parent_stopped")
    assert line.subject == f"post:{other.post_id}"


def test_what_speaks_of_the_reply_alone_stays(answered: tuple[Case, Case], as_analyst: Actor) -> None:
    case, other = answered
    told = actions.decide(
        as_analyst, other.pk, "in_scope", version_id=other.post.current_id or 0, category_slug="criminal_recruitment",
        reason=f"「{OWN}」との記載", now=NOON,
    )  # fmt: skip
    stop(as_analyst, case.pk, NOON)
    told.refresh_from_db()
    assert OWN in told.reason


def test_a_reply_that_arrives_later_is_stored_without_them(
    as_analyst: Actor, live: Source, police: Organisation
) -> None:
    case = Case.objects.get(pk=arrive(live, [post("p", SAID, author_id="one")], [finding()]).opened[0])
    stop(as_analyst, case.pk, NOON)
    arrive(
        live, [reply(), post("n", "別の返信", parent_id="elsewhere", parent_text="ほかの投稿")], [found(), finding(1)]
    )
    assert with_mark() == set()
    later = PostVersion.objects.get(post__native_id="q")
    assert (later.text, later.parent_text) == (OWN, "")
    assert PostVersion.objects.get(post__native_id="n").parent_text == "ほかの投稿"


def test_a_stop_by_its_address_and_a_restored_backup_reach_replies_too(
    as_administrator: Actor, live: Source, answered: tuple[Case, Case]
) -> None:
    """Also where the post itself is not stored."""
    url = "https://bsky.app/profile/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/post/3kabcdefgh222"
    uri = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kabcdefgh222"
    row = {**reply(), "network": "bluesky", "parent_id": uri}
    Case.objects.all().delete()
    Post.objects.all().delete()
    arrive(live, [row], [found()])
    assert "cases.PostVersion.parent_text" in with_mark()
    stop_address(as_administrator, url, NOON)
    assert with_mark() == set()
    Stop.objects.all().delete()
    Case.objects.all().delete()
    Post.objects.all().delete()
    hidden = stopped.list_file().rename(stopped.list_file().with_suffix(".hidden"))
    arrive(live, [row], [found()])
    hidden.rename(stopped.list_file())
    assert "cases.PostVersion.parent_text" in with_mark()
    assert again(NOON) == 0
    assert with_mark() == set()


def test_what_was_being_taken_in_meanwhile_loses_them_before_the_files_are_cleaned(
    as_analyst: Actor, live: Source, answered: tuple[Case, Case]
) -> None:
    case, other = answered
    row = stop(as_analyst, case.pk, NOON)
    PostVersion.objects.filter(post=other.post).update(parent_text=SAID)  # its transaction ended after the stop
    forget_late_echoes([row], NOON + timedelta(seconds=1))
    assert with_mark() == set()


def test_others_do_not_wait_while_every_answer_is_read(as_analyst: Actor, answered: tuple[Case, Case]) -> None:
    """In the transaction of the stop only what came meanwhile is read."""
    with CaptureQueriesContext(connection) as asked:
        stop(as_analyst, answered[0].pk, NOON)
    queries = [one["sql"] for one in asked.captured_queries]
    began = next(n for n, sql in enumerate(queries) if sql.startswith("SAVEPOINT"))
    condition = """NOT ("cases_postversion"."parent_text" = '')"""
    read = [n for n, sql in enumerate(queries) if condition in sql and 'JOIN "cases_post"' in sql]
    assert [n < began for n in read] == [True, False]
    assert '"cases_postversion"."id" >' in queries[read[1]]
    assert with_mark() == set()


def test_a_reply_that_came_while_the_others_were_read_loses_the_words_too(
    as_analyst: Actor, live: Source, answered: tuple[Case, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def look(*given: Any) -> Echoes:
        found = echoing(*given)
        looks.append(found)
        if len(looks) == 1:
            arrive(live, [{**reply(), "native_id": "r", "parent_id": ""}], [spoken])
        return found

    spoken = found()
    monkeypatch.setattr("yoake.casework.cases.stop.echoing", look)
    stop(as_analyst, answered[0].pk, NOON)
    assert len(looks) == 2
    assert PostVersion.objects.get(post__native_id="r").text == OWN
    assert with_mark() == set()


def test_surroundings_fetched_later_leave_it_out(as_analyst: Actor, live: Source, answered: tuple[Case, Case]) -> None:
    case, other = answered
    stop(as_analyst, case.pk, NOON)
    row = Surroundings.objects.create(post=other.post, asked_at=NOON, due_at=NOON)
    up = post("up", "ほかの投稿")
    around = Context(parents=posts_batch([post("p", SAID), up]), recent=posts_batch([post("p", SAID), reply(), up]))
    assert surroundings.keep(row, "fetched", around, NOON)
    assert with_mark() == set()
    body = Surroundings.objects.get().body
    assert [one["text"] for one in (*body["parents"], *body["recent"])] == ["ほかの投稿", "ほかの投稿"]


def test_surroundings_go_by_identity_though_the_words_were_cut_otherwise(
    as_analyst: Actor, live: Source, answered: tuple[Case, Case]
) -> None:
    case, other = answered
    row = Surroundings.objects.create(post=other.post, asked_at=NOON, due_at=NOON)
    around = Context(parents=posts_batch([post("p", f"{SAID} (書き直し)")]), recent=posts_batch([]))
    surroundings.keep(row, "fetched", around, NOON)
    stop(as_analyst, case.pk, NOON)
    assert not Surroundings.objects.exists()


@pytest.mark.parametrize(
    ("said", "own", "expected"),
    [
        ("見よ「持ってはならない言葉」", "", True),
        ("持ってはならない言葉", SAID, False),
        ("まったく別の長い言葉です", "", False),
    ],
    ids=["quotes", "stands in the post itself", "something else"],
)
def test_what_counts_as_a_quotation(said: str, own: str, expected: bool) -> None:
    assert repeats(said, SAID, own) is expected
