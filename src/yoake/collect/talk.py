"""A WebSocket on which both sides speak: messages in bounded batches, and words to the other side."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, Final, Generic, TypeVar

import orjson

from yoake.collect.net import Socket
from yoake.errors import TryLater

_MESSAGES: Final = 2000
_BYTES: Final = 8_000_000  # after which a batch is full, so that long messages do not fill the memory
_QUIET_S: Final = 0.2  # a batch that holds something goes out when nothing followed for this long

Value = TypeVar("Value")


def gather(socket: Socket, longest_s: float = 1.0) -> tuple[list[str | bytes], Closed | None]:
    """Messages of at most `longest_s`, not too many and not too long, and how the connection ended if it did."""
    messages: list[str | bytes] = []
    size = 0
    deadline = time.monotonic() + longest_s
    while len(messages) < _MESSAGES and size < _BYTES:
        left_s = max(0.0, deadline - time.monotonic())
        try:
            message = socket.recv(min(left_s, _QUIET_S) if messages else left_s)
        except TryLater as closed:
            return messages, _closed(closed)
        if message is None:
            break
        messages.append(message)
        size += len(message)
    return messages, None


class Closed(TryLater):
    """The other side closed a connection that was open."""


def say(socket: Socket, told: Any) -> None:
    """Send one message, as JSON text. Raises Closed when the other side closed."""
    try:
        socket.send(orjson.dumps(told).decode())
    except TryLater as closed:
        raise _closed(closed) from None


def _closed(error: TryLater) -> Closed:
    return Closed(str(error), after_s=error.after_s)


class Recent(Generic[Value]):
    """What was read lately, by id; the oldest is forgotten.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def ids(self) -> list[str]:
        """All ids, the oldest first."""
        return list(self._kept)

    def get(self, key: str) -> Value | None:
        """What is remembered under this id."""
        return self._kept.get(key)

    def put(self, key: str, value: Value) -> str | None:
        """Remember; gives the id that was forgotten for it."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        return self._kept.popitem(last=False)[0] if len(self._kept) > self._most else None

    def drop(self, key: str) -> Value | None:
        """Forget one; gives what it was."""
        return self._kept.pop(key, None)
