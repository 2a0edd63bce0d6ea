"""A case put to the adviser: who asks, who answers, who sees it; and the words go with the post's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import NOON, PASSWORD
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide
from yoake.casework.cases.advice import (
    advice_of,
    advices_about,
    advices_given,
    advices_waiting,
    ask_advice,
    give_advice,
)
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Advice, Case, Post
from yoake.casework.people.actions import add_user
from yoake.casework.people.models import Membership, Organisation
from yoake.casework.people.queries import Actor, actor_of, system
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db


def adviser_of(organisation: Organisation, name: str) -> Actor:
    user, _ = add_user(system("command"), name, organisation, Membership.Role.ADVISER, password=PASSWORD)
    return actor_of(user)


@pytest.fixture
def adviser(police: Organisation) -> Actor:
    return adviser_of(police, "bengo")


def test_a_question_and_its_answer(waiting: Case, as_analyst: Actor, adviser: Actor) -> None:
    assert advices_waiting(adviser) == []
    asked = ask_advice(as_analyst, waiting.pk, " 募集に当たりますか ", NOON)
    assert [one.question for one in advices_waiting(adviser)] == ["募集に当たりますか"]
    assert advice_of(adviser, asked.pk).case == waiting
    give_advice(adviser, asked.pk, "当たります。", NOON)
    assert advices_waiting(adviser) == []
    assert advices_given(adviser) == [asked]
    (told,) = advices_about(as_analyst, waiting)
    assert (told.answer, told.answered_by_id) == ("当たります。", adviser.user_id)
    with pytest.raises(Refused, match="answered already"):
        give_advice(adviser, asked.pk, "やはり", NOON)
    assert set(Entry.objects.filter(kind__startswith="advice").values_list("kind", "subject")) == {
        ("advice_asked", f"case:{waiting.pk}"),
        ("advice_given", f"case:{waiting.pk}"),
    }
    assert "当たり" not in str(list(Entry.objects.values_list("facts")))


def test_one_question_at_a_time(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    ask_advice(as_analyst, waiting.pk, "?", NOON)
    with pytest.raises(Refused, match="waits for the adviser already"):
        ask_advice(as_supervisor, waiting.pk, "??", NOON)


@pytest.mark.parametrize("words", ["", "  ", "あ" * 2001])
def test_a_question_has_words(waiting: Case, as_analyst: Actor, words: str) -> None:
    with pytest.raises(BadInput):
        ask_advice(as_analyst, waiting.pk, words, NOON)


def test_the_adviser_sees_nothing_else(waiting: Case, as_analyst: Actor, adviser: Actor, hotline: Organisation) -> None:
    asked = ask_advice(as_analyst, waiting.pk, "?", NOON)
    stranger = adviser_of(hotline, "other")
    assert advices_waiting(stranger) == []
    with pytest.raises(BadInput):
        advice_of(stranger, asked.pk)
    with pytest.raises(BadInput):
        give_advice(stranger, asked.pk, "!", NOON)
    with pytest.raises(Refused):
        advices_waiting(as_analyst)
    with pytest.raises(Refused):
        advices_about(adviser, waiting)


def test_the_words_go_with_the_post(waiting: Case, as_analyst: Actor, adviser: Actor) -> None:
    asked = ask_advice(as_analyst, waiting.pk, "?", NOON)
    decide(as_analyst, waiting.pk, "not_in_scope", version_id=waiting.post.current_id or 0, now=NOON)
    assert erase(Post.objects.get(pk=waiting.post_id), NOON + timedelta(days=4))
    asked.refresh_from_db()
    assert (asked.question, asked.answer) == ("", "")
    assert advices_waiting(adviser) == []
    with pytest.raises(Refused, match="gone"):
        give_advice(adviser, asked.pk, "!", NOON)
    assert Advice.objects.count() == 1, "that it was asked stays"
