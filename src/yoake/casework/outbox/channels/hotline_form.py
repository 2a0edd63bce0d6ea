"""A hotline's web form: it takes one item URL; a person fills it in, step by step, and says that it is sent."""

from __future__ import annotations

from yoake.casework.outbox.channel import Identity, Speaker
from yoake.collect.net import Net
from yoake.errors import Refused

__all__ = ["HotlineForm"]


class HotlineForm:
    """The report's page says what goes into which field; no program sends a form that belongs to somebody else."""

    label = "Hotline form"
    networks: tuple[str, ...] = ()
    by_hand = True
    fields = ()

    def who(self, speaker: Speaker, net: Net) -> Identity:
        raise Refused("nobody can be asked who this is: a person fills the form in")
