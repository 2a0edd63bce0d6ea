"""By hand: a person copies the words, opens the place, and says where what they wrote stands."""

from __future__ import annotations

from yoake.casework.outbox.channel import Identity, Speaker
from yoake.collect.net import Net
from yoake.errors import Refused

__all__ = ["ByHand"]


class ByHand:
    """For networks without a channel, and for accounts whose secrets nobody wants to give to a program."""

    label = "By hand"
    networks: tuple[str, ...] = ()
    by_hand = True
    fields = ()

    def who(self, speaker: Speaker, net: Net) -> Identity:
        raise Refused("nobody can be asked who this is: a person carries it out")
