"""What the network says of an entered post: what people left beside it moves along, and what stands there is weighed and found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import NOON, arrive, finding, post
from yoake.casework.cases.actions import add_by_hand
from yoake.casework.cases.advice import ask_advice
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.leases import take_lease
from yoake.casework.cases.models import Case, Claim, Comparison, Naming
from yoake.casework.cases.namings import finish_naming
from yoake.casework.cases.notes import add_note, mark_minor
from yoake.casework.cases.retention import place_hold
from yoake.casework.cases.searching import search
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.items import Item

pytestmark = pytest.mark.django_db

URL = "https://bsky.app/profile/writer.example/post/3aaa"
URI = "at://did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/app.bsky.feed.post/3aaa"
THEIRS = "https://bsky.app/profile/did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/post/3aaa"
CHILD = "高校2年生です。受け子の仕事を探しています。埼玉県です"


def entered(actor: Actor, text: str = "受け子募集") -> Case:
    return add_by_hand(actor, url=URL, text=text, now=NOON).case


def named(case: Case) -> None:
    item = Item("item", THEIRS, network="bluesky", native_id=URI)
    finish_naming(Naming.objects.get(post=case.post_id), item, NOON)


def found(source: Source, text: str) -> Case:
    row = post(URI, text, network="bluesky", url=THEIRS, author_id="did:plc:zzzzzzzzzzzzzzzzzzzzzzzz")
    return Case.objects.get(pk=arrive(source, [row], [finding()]).opened[0])


def answers(actor: Actor, words: str) -> list[int]:
    return [one.case.pk for one in search(actor, words, chosen=Filter(), now=NOON).found]


def test_what_people_left_beside_it_stands_beside_the_other(
    live: Source, as_analyst: Actor, as_supervisor: Actor
) -> None:
    there, mine = found(live, "荷物を運ぶだけ"), entered(as_analyst)
    add_note(as_analyst, mine.pk, "電話で聞いた話と同じ")
    ask_advice(as_analyst, mine.pk, "どう見ますか")
    place_hold(as_supervisor, mine.pk, "enquiry", now=NOON)
    mark_minor(as_analyst, mine.pk, minor=True)
    take_lease(as_analyst, mine.pk, NOON)
    named(mine)
    there.refresh_from_db()
    assert not Case.objects.filter(pk=mine.pk).exists()
    assert (there.notes.count(), there.advices.count(), there.legal_holds.count()) == (1, 1, 1)
    assert there.minor
    assert [claim.how for claim in there.claims.all()] == [Claim.End.RELEASED]
    assert answers(as_analyst, "電話で聞いた") == [there.pk]


def test_a_case_that_moves_is_about_what_stands_there(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    theirs = Source.objects.create(organisation_id=as_outsider.organisation_id, name="theirs", connector="jsonl")
    there, mine = found(theirs, CHILD), entered(as_analyst)
    below = add_by_hand(as_analyst, text="別の投稿", now=NOON).case
    Case.objects.filter(pk=below.pk).update(folded_into=mine)
    named(mine)
    mine.refresh_from_db()
    assert mine.post_id == there.post_id
    assert (mine.minor, mine.prefecture) == (True, "埼玉県")
    assert Comparison.objects.get(case=mine).version_id == there.post.current_id
    assert (answers(as_analyst, "探しています"), answers(as_analyst, "募集")) == ([mine.pk], [])
    assert Case.objects.get(pk=below.pk).folded_into is None


def test_a_post_with_a_new_address_is_found_by_it(as_analyst: Actor) -> None:
    mine = entered(as_analyst)
    finish_naming(
        Naming.objects.get(post=mine.post_id),
        Item("item", THEIRS, network="bluesky", native_id=URI),
        NOON + timedelta(1),
    )
    assert answers(as_analyst, "zzzzzzzz") == [mine.pk]
