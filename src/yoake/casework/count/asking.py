"""What several figures ask of the database is asked once while they are told together; each keeps the queries behind it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from django.db import connection

Answer = TypeVar("Answer")
_answers: ContextVar[dict[Hashable, tuple[Any, list[str]]] | None] = ContextVar("answers", default=None)
_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Until this ends, `once` asks each question once in this thread; the figures are then of one moment."""
    before = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(before)


def once(question: Hashable, ask: Callable[[], Answer]) -> Answer:
    """The answer to a question, from the first time it was asked; where figures are not told together it is asked anew."""
    answers = _answers.get()
    if answers is None:
        return ask()
    if question in answers:
        answer, queries = answers[question]
        heard = _heard.get()
        if heard is not None:
            heard.extend(queries)
        return cast(Answer, answer)
    with listening() as queries:
        answers[question] = ask(), queries
    return cast(Answer, answers[question][0])


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collects what is asked meanwhile, also what was asked before and is answered from then, as SQL with its values."""
    asked: list[str] = []

    def keep(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        answer = execute(sql, params, many, context)
        asked.append(connection.ops.last_executed_query(context["cursor"], sql, params))
        return answer

    before = _heard.set(asked)
    try:
        with connection.execute_wrapper(keep):
            yield asked
    finally:
        _heard.reset(before)
