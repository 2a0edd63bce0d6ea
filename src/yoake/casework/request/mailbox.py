"""Reading a mailbox over IMAP4rev1 (RFC 3501): encrypted, public addresses only unless the settings say otherwise.

Nothing is changed there: mails are peeked at and stay unread for people who look into the mailbox themselves.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from yoake.casework.outbox.channel import Speaker
from yoake.casework.outbox.talking import plain, sender_denied
from yoake.collect.addresses import is_public, resolve
from yoake.collect.net import CONNECT_S, Net
from yoake.collect.trouble import away
from yoake.errors import BadInput, Refused, TryLater

MOST: Final = 50  # mails at once
BIGGEST: Final = 1_000_000  # octets; of a longer mail the beginning is read: its words, attachments stay where they are
_TIMEOUT_S: Final = 20.0
_GREATEST: Final = 2**32 - 1  # id (RFC 3501, 2.3.1.1)
_SECURITY: Final = ("tls", "starttls", "none")


def has_mailbox(speaker_options: dict[str, Any]) -> bool:
    """Whether answers are looked for: a server for incoming mail is written down."""
    return bool(str(speaker_options.get("imap_host", "")).strip())


@contextmanager
def new_mails(
    speaker: Speaker, net: Net, uid_validity: int, last_uid: int
) -> Iterator[tuple[int, Iterator[tuple[int, bytes]]]]:
    """The mailbox's UIDVALIDITY and, each fetched when it is asked for, the mails of the inbox behind `last_uid`, each with its id.

    The oldest first, at most MOST. What was kept of one is kept when the line breaks at the next.

    Args:
        speaker: the mailbox: imap_host, imap_port, imap_security, user, password.
        net: whether private addresses may be asked.
        uid_validity: as it was last; another one means that the server gave new ids, and all are read anew.
        last_uid: the last id that was read.

    Raises:
        SenderDenied: the server does not take the password.
        Refused, BadInput: what is written down cannot work.
        TryLater: the server is away, or broke off.
    """
    host = speaker.options["imap_host"].strip()
    with _signed_in(speaker, host, net) as server:
        try:
            _told(server.select("INBOX", readonly=True), host)
            validity = _validity(server)
            last = last_uid if validity == uid_validity else 0
            found = _told(server.uid("SEARCH", f"UID {last + 1}:*"), host)
            ids = sorted({int(uid) for uid in b" ".join(one for one in found if one).split() if int(uid) > last})
            if max([validity, *ids]) > _GREATEST:
                raise ValueError("no id of a mail or mailbox")
        except (imaplib.IMAP4.error, OSError, ValueError) as problem:
            raise _broke_off(host, problem) from None
        yield validity, _mails(server, ids[:MOST], host)


class _Imap(imaplib.IMAP4):
    """A connection to an address that was looked up and checked; TLS still proves the name."""

    def __init__(self, host: str, port: int, where: str, tls: ssl.SSLContext | None) -> None:
        self._where, self._tls = where, tls
        super().__init__(host, port, timeout=_TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain_socket = socket.create_connection((self._where, self.port), timeout=CONNECT_S)
        plain_socket.settimeout(timeout)
        return self._tls.wrap_socket(plain_socket, server_hostname=self.host) if self._tls is not None else plain_socket


@contextmanager
def _signed_in(speaker: Speaker, host: str, net: Net) -> Iterator[imaplib.IMAP4]:
    options = speaker.options
    security, port_told = options.get("imap_security") or "tls", options.get("imap_port") or "993"
    if security not in _SECURITY:
        raise BadInput("imap_security", security, f"one of {', '.join(_SECURITY)}")
    if not re.fullmatch(r"[1-9]\d{0,4}", port_told) or int(port_told) > 65535:
        raise BadInput("imap_port", port_told, "a number from 1 to 65535")
    port = int(port_told)
    allowed = [address for address in resolve(host, port, CONNECT_S) if net.allow_private or is_public(address)]
    if not allowed:
        raise Refused(f"{host} is on a private network; for a server of your own set YOAKE_ALLOW_PRIVATE_NETWORKS=yes.")
    if security == "none" and any(is_public(address) for address in allowed):
        raise Refused(f"{host} is on the public network; mail is read there encrypted only (starttls or tls)")
    context, server = ssl.create_default_context(), None
    try:
        server = _Imap(host, port, str(allowed[0]), context if security == "tls" else None)
        if security == "starttls":
            server.starttls(context)
    except (imaplib.IMAP4.error, OSError) as problem:
        _close(server)
        if isinstance(problem, OSError):
            raise away(host, problem) from None
        raise TryLater(f"{host} answers nothing that a mailbox would say", after_s=600) from None
    try:
        try:
            server.login(options.get("user", ""), speaker.secrets.get("password", ""))
        except imaplib.IMAP4.abort:
            raise TryLater(f"{host} broke off while mail was read (abort)", after_s=300) from None
        except imaplib.IMAP4.error as no:
            raise sender_denied(host, plain(str(no)), 401) from None
        except OSError as problem:
            raise away(host, problem) from None
        yield server
    finally:
        _close(server)


def _close(server: imaplib.IMAP4 | None) -> None:
    if server is not None:
        with suppress(imaplib.IMAP4.error, OSError):
            server.logout()
        with suppress(OSError):
            server.shutdown()


def _validity(server: imaplib.IMAP4) -> int:
    told = server.response("UIDVALIDITY")[1]
    return int(told[0]) if told and told[0] else 0


def _mails(server: imaplib.IMAP4, ids: list[int], host: str) -> Iterator[tuple[int, bytes]]:
    for uid in ids:
        try:
            found = _told(server.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{BIGGEST}>)"), host)
        except (imaplib.IMAP4.error, OSError, ValueError) as problem:
            raise _broke_off(host, problem) from None
        yield uid, next((one[1] for one in found if isinstance(one, tuple)), b"")


def _broke_off(host: str, problem: Exception) -> TryLater:
    return TryLater(f"{host} broke off while mail was read ({type(problem).__name__})", after_s=300)


def _told(answer: tuple[str, list[Any]], host: str) -> list[Any]:
    status, found = answer
    if status != "OK":
        raise TryLater(f"{host} broke off while mail was read ({plain(status)})", after_s=300)
    return found
