"""Words of what leaves: lines of the audit, why something stopped, why a sender is paused, what a channel asks for."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext, gettext_lazy, gettext_noop

from yoake.casework.outbox.reasons import REFUSED, UNCERTAIN, said
from yoake.console.words import plain_sentence

ENTRIES: Final = {
    "outbox_drafted": gettext_noop("drafted something to be sent"),
    "outbox_rewritten": gettext_noop("rewrote what was to be sent"),
    "outbox_approved": gettext_noop("approved what was to be sent"),
    "outbox_approved_second": gettext_noop("approved what was to be sent, as the second person"),
    "outbox_discarded": gettext_noop("took back what was to be sent"),
    "outbox_tried_again": gettext_noop("had it sent again"),
    "outbox_sending": gettext_noop("began to send it"),
    "outbox_sent": gettext_noop("sent it"),
    "outbox_failed": gettext_noop("could not send it"),
    "outbox_stopped": gettext_noop("did not send it, for a reason that came up"),
    "outbox_uncertain_decided": gettext_noop("looked whether it had been sent"),
    "outbox_withdraw_asked": gettext_noop("asked for it to be withdrawn"),
    "outbox_withdrawn": gettext_noop("withdrew it"),
    "sending_stopped": gettext_noop("stopped all sending"),
    "sending_goes_on": gettext_noop("let sending go on"),
    "sender_added": gettext_noop("added a sender"),
    "sender_tested": gettext_noop("tested a sender"),
    "sender_changed": gettext_noop("changed a sender"),
    "sender_limited": gettext_noop("changed how much a sender may send"),
    "sender_paused": gettext_noop("paused a sender"),
    "sender_resumed": gettext_noop("let a sender go on"),
    "sender_ended": gettext_noop("ended a sender"),
}
_FAILED: Final = {  # of OutboxItem.stopped_why where it failed; why something was stopped: casework/outbox/reasons.py
    REFUSED: gettext_noop("the other side refused it"),
    UNCERTAIN: gettext_noop("nobody knows whether it went"),
}
WAITING: Final = (  # why something is not sent yet, see pipeline/sending.py
    gettext_noop("all sending is stopped"),
    gettext_noop("the sender is paused"),
    gettext_noop("the sender's quota or pause"),
    gettext_noop("nobody could say yet whether the post is still there"),
    gettext_noop("nobody answers whether the post is still there"),
    gettext_noop("a person must look whether the post is still there"),
    gettext_noop("this account answered the post already; look whether it is this"),
    gettext_noop("it is looked up once it must stand there"),
    gettext_noop("nobody here says when something of this kind must not leave"),
    gettext_noop("it may have gone when the worker was stopped; look whether it did"),
    gettext_noop("the sender is gone; delete it by hand"),
)
_PAUSED: Final = {
    "untested": gettext_lazy("not tested yet"),
    "by_hand": gettext_lazy("paused by a colleague"),
    "frozen": gettext_lazy("the service froze the account"),
    "blocked": gettext_lazy("the service blocks the account"),
    "unauthorised": gettext_lazy("the service does not take its password or token any more"),
}
_FIELDS: Final = (  # labels and hints of channels/, translated by their English
    gettext_noop("Mail"),
    gettext_noop("By hand"),
    gettext_noop("Server of the account"),
    gettext_noop("Handle"),
    gettext_noop("App password"),
    gettext_noop("with leave to send private messages where those are sent"),
    gettext_noop("Service that shows threads"),
    gettext_noop("Moderation service"),
    gettext_noop("Service of private messages"),
    gettext_noop("Access token"),
    gettext_noop("with the scopes read and write"),
    gettext_noop("may read the account, write and delete notes, report abuse"),
    gettext_noop("Address of the API"),
    gettext_noop("API key"),
    gettext_noop("API key secret"),
    gettext_noop("Access token secret"),
    gettext_noop("Address"),
    gettext_noop("Name shown"),
    gettext_noop("Server for outgoing mail"),
    gettext_noop("Port"),
    gettext_noop("Encryption"),
    gettext_noop("starttls, tls, or none for a relay in one's own network"),
    gettext_noop("User name"),
    gettext_noop("Password"),
)


def stopped_words(code: str) -> str:
    """Why something did not leave; a code of a room that nobody put into words stands as it is."""
    return plain_sentence(_FAILED.get(code) or said(code)) if code else ""


def paused_words(code: str) -> str:
    """Why a sender is paused."""
    return str(_PAUSED.get(code, code))


def channel_words(english: str) -> str:
    """A label or hint of a channel."""
    return gettext(english) if english else ""
