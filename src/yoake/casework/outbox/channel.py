"""The contract of a channel: a way by which something leaves. How to write one: docs/howto/channel.md.

A file of the shelf `channels/` is one object that says what a sender of it needs (`fields`), who a sender is (`who`), and
has one or more of the capabilities below, each a Protocol: Replies, Messages, Reports, Mails. What a channel cannot do it
does not have. The worker asks `isinstance(channel, Replies)`; nothing else knows a network by name.

Errors are those of the house: TryLater (again later; where something may have gone out, it is looked up first), Refused
(this item fails, a person sees why), Denied (the service does not take this sender any more: it is paused).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable

from yoake.collect.net import Net
from yoake.errors import Refused, TryLater


@dataclass(frozen=True)
class Field:
    """Something a sender of a channel needs, as the form asks for it."""

    name: str  # key in Speaker.options or Speaker.secrets
    label: str  # English; the console translates it
    secret: bool = False  # sealed; never shown again
    needed: bool = True
    default: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Speaker:
    """A sender as a channel is given it. Never kept, never printed: the secrets are in it."""

    id: int
    options: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    remote_id: str = ""  # who it is there, as `who` said
    handle: str = ""


@dataclass(frozen=True)
class Message:
    """One item as a channel is given it.

    to, by way: reply and report: {"post": native id, "url": its address, "author": lasting id, "handle": ...} (some may be "");
        message: {"author", "handle"}; mail: {"mail": one address}; hand: whatever the page shows.
    body: {"text": the words}; mail further {"subject", "attachments": [{"name", "type", "base64"}], "in_reply_to",
        "references"}; report {"text", "reason": the network's own code}.
    """

    key: str  # the same for every attempt, different from every other item's
    made_at: datetime  # when the item was drafted; the same for every attempt
    tried_at: datetime  # when it was first tried; what it became there is not older
    to: Mapping[str, Any]
    body: Mapping[str, Any]
    taken: frozenset[str] = frozenset()  # remote ids that are known to be other items of this sender


@dataclass(frozen=True)
class Identity:
    """Who a sender is, as the service says."""

    remote_id: str
    handle: str
    note: str = ""  # what a person should know: it is a locked account, ...


@dataclass(frozen=True)
class Receipt:
    """That something arrived, and under which name it is found there."""

    remote_id: str
    remote_url: str = ""


@dataclass(frozen=True)
class Answered:
    """A reply that stands under a post."""

    author_id: str
    handle: str
    url: str = ""


FROZEN: Final = "frozen"
BLOCKED: Final = "blocked"
UNAUTHORISED: Final = "unauthorised"


class SenderDenied(Refused):
    """The service does not let this sender speak: `why` is frozen, blocked or unauthorised. It is paused, a person is told.

    The item itself stays approved: nothing of it went out. `collect.net.Denied` means the same, with why unauthorised.
    """

    def __init__(self, message: str, *, why: str) -> None:
        self.why = why
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _sender_denied, (self.args[0], self.why)


class NotGone(TryLater):
    """Not now, and surely nothing went out: it may be tried again without looking first. So is `collect.net.Unreached`."""


class SaidBefore(Refused):
    """The service says that this very thing was said before, by an earlier attempt or as another item: nobody knows which."""


def _sender_denied(message: str, why: str) -> SenderDenied:
    return SenderDenied(message, why=why)


class Channel(Protocol):
    """What every channel has. With `by_hand` a person carries it out, and it has nothing else."""

    label: str  # English, as a page names it; the console translates it
    networks: tuple[str, ...]  # of posts it can answer, as connectors call them; () for whichever
    by_hand: bool
    fields: tuple[Field, ...]

    def who(self, speaker: Speaker, net: Net) -> Identity:
        """Asks the service who the sender is; proves that its secrets are taken. Raises TryLater, Refused, BadInput."""
        ...


@runtime_checkable
class Replies(Protocol):
    """Public replies, that can be found and deleted."""

    longest: int  # of a reply, as `length_of` counts

    def length_of(self, text: str) -> int:
        """How long the network counts a text."""
        ...

    def reply(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        """Says it under the post. Only called after `find` found nothing, unless this is the first attempt."""
        ...

    def find(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        """Whether this very message stands there, by its key where the network allows that, else by looking it up."""
        ...

    def replies_to(self, message: Message, speaker: Speaker, net: Net) -> list[Answered]:
        """Who answered the post so far; used in the last second to see whether an official account did."""
        ...

    def surely(self, speaker: Speaker) -> set[str]:
        """By which of its names and ids others may know this sender: those that no server but the network's own could have told.

        Asked of senders of other organisations, without their secrets. A server that anybody runs may call itself anything.
        """
        ...

    def delete(self, remote_id: str, speaker: Speaker, net: Net) -> None:
        """Takes a reply (or private message, where the network has that) back. Harmless when it is gone already."""
        ...


@runtime_checkable
class Messages(Protocol):
    """Private messages to the author of a post."""

    def message(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        """Says it to one person. Refused where they take no messages."""
        ...

    def find_message(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        """Whether this very message went."""
        ...


@runtime_checkable
class Reports(Protocol):
    """The network's own report of a post. No network can be asked afterwards: what may have gone, a person decides."""

    reasons: tuple[str, ...]  # the network's own codes

    def report(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        """Reports the post to whoever runs the network."""
        ...


@runtime_checkable
class Mails(Protocol):
    """Mail. What may have gone is never sent again by itself: a person decides."""

    def mail(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        """Hands it to the mailbox's server; the receipt's `remote_id` is the Message-ID made of the key."""
        ...
