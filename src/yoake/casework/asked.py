"""What several parts of one page ask, asked once.

Only while a page is made that changes nothing (`asking_once`, see console/page.py), and forgotten with it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

Answer = TypeVar("Answer")
_answers: ContextVar[dict[Hashable, Any] | None] = ContextVar("answers", default=None)


@contextmanager
def asking_once() -> Iterator[None]:
    """Until this ends, `once` asks each question once in this thread."""
    before = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(before)


def asking() -> bool:
    """Whether a page is being made for which each question is asked once."""
    return _answers.get() is not None


def once(question: Hashable, ask: Callable[[], Answer]) -> Answer:
    """The answer to a question, from the first time it was asked for this page; anywhere else it is asked anew."""
    answers = _answers.get()
    if answers is None:
        return ask()
    if question not in answers:
        answers[question] = ask()
    return cast(Answer, answers[question])
