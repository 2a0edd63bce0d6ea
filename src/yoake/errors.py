"""Every error Yoake raises on purpose, drawn as a tree.

    YoakeError
    ├── BadInput    the caller must fix something: field, value, what is accepted      exit code 2 (usage) or 3 (some rows)
    ├── Refused     a person must act before this can work                             exit code 4
    └── TryLater    nothing is wrong with the request; try again after `after_s`       exit code 5

The message is one sentence: what, to which thing, what to do now. Errors survive a process boundary (they pickle).
"""

from __future__ import annotations

from typing import Any


class YoakeError(Exception):
    """Root of the tree; its text is one sentence a person can act on."""

    exit_code = 1


class BadInput(YoakeError):
    """The caller must fix `field`: it held `value`, and `accepted` says what is accepted."""

    exit_code = 2

    def __init__(self, field: str, value: object, accepted: str) -> None:
        self.field, self.value, self.accepted = field, value, accepted
        shown = repr(value)
        if len(shown) > 200:  # a value may be a megabyte of text
            shown = shown[:197] + "..."
        super().__init__(f"{field} is {shown}: {accepted}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.value, self.accepted)


class Refused(YoakeError):
    """A person must act (permission, lease, a source that said no); trying again alone changes nothing."""

    exit_code = 4


class TryLater(YoakeError):
    """The other side is busy or gone for now; try again after `after_s` seconds."""

    exit_code = 5

    def __init__(self, message: str, *, after_s: float) -> None:
        self.after_s = after_s
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _try_later, (self.args[0], self.after_s)


def _try_later(message: str, after_s: float) -> TryLater:
    return TryLater(message, after_s=after_s)
