"""Mail over the mailbox's own server: TLS or STARTTLS, public addresses only unless the settings say otherwise.

A letter has one Message-ID, made of its key. What may have gone is never sent again by itself. Answers are read elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any, Final

from yoake.casework.outbox.channel import Field, Identity, Message, NotGone, Receipt, Speaker
from yoake.casework.outbox.talking import plain, sender_denied
from yoake.collect.addresses import is_public, resolve
from yoake.collect.net import CONNECT_S, Net
from yoake.collect.trouble import away
from yoake.errors import BadInput, Refused, TryLater

__all__ = ["Email"]

_TIMEOUT_S: Final = 20.0  # of one exchange with the server
_SECURITY: Final = ("starttls", "tls", "none")
_ADDRESS: Final = re.compile(r"(?:(?![@<>,;\"'])[!-~]){1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z0-9-]{2,63}")


class Email:
    """A mailbox of the organisation."""

    label = "Mail"
    networks: tuple[str, ...] = ()
    by_hand = False
    fields = (
        Field("address", "Address", hint="desk@office.example"),
        Field("name", "Name shown", needed=False),
        Field("host", "Server for outgoing mail", hint="mail.office.example"),
        Field("port", "Port", default="587"),
        Field(
            "security", "Encryption", default="starttls", hint="starttls, tls, or none for a relay in one's own network"
        ),
        Field("user", "User name", needed=False),
        Field("password", "Password", secret=True, needed=False),
        Field("imap_host", "Server for incoming mail", needed=False, hint="where answers are read; empty: nowhere"),
        Field("imap_port", "Port for incoming mail", needed=False, default="993"),
        Field("imap_security", "Encryption of incoming mail", needed=False, default="tls", hint="tls, starttls, none"),
    )

    def who(self, speaker: Speaker, net: Net) -> Identity:
        address = _address(speaker.options["address"], "address")
        with _signed_in(speaker, net) as server:
            server.noop()
        return Identity(address, address)

    def mail(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        try:
            letter = _letter(message, speaker)
            letter.as_bytes()  # whatever cannot be written is seen before a server hears of it
        except (ValueError, LookupError) as error:
            raise Refused(f"this cannot be written as a mail ({type(error).__name__}); draft it anew") from None
        with _signed_in(speaker, net) as server:
            try:
                server.send_message(letter)
            except smtplib.SMTPRecipientsRefused as no:
                ((code, words),) = list(no.recipients.values())[:1]
                raise _refused(server, code, words) from None
            except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as no:
                raise _refused(server, no.smtp_code, no.smtp_error) from None
            except (smtplib.SMTPException, OSError) as error:
                raise TryLater(f"{_host(speaker)} was lost while the letter was handed over ({type(error).__name__})", after_s=60) from None  # fmt: skip
        return Receipt(str(letter["Message-ID"]))


def message_id(key: str, address: str) -> str:
    """The Message-ID of a letter: the same for every attempt."""
    return f"<{key}@{address.rpartition('@')[2].lower()}>"


class _Smtp(smtplib.SMTP):
    """A connection to an address that was looked up and checked; TLS still proves the name."""

    def __init__(self, host: str, port: int, where: str, tls: ssl.SSLContext | None) -> None:
        self._where, self._tls = where, tls
        super().__init__(host, port, timeout=_TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        plain_socket = socket.create_connection((self._where, port), timeout=CONNECT_S)
        plain_socket.settimeout(timeout)
        return self._tls.wrap_socket(plain_socket, server_hostname=host) if self._tls is not None else plain_socket


@contextmanager
def _signed_in(speaker: Speaker, net: Net) -> Iterator[smtplib.SMTP]:
    """The server, with an encrypted line and signed in. Raises NotGone, SenderDenied, Refused or BadInput."""
    host, security = _host(speaker), speaker.options["security"]
    if security not in _SECURITY:
        raise BadInput("security", security, f"one of {', '.join(_SECURITY)}")
    if not re.fullmatch(r"[1-9]\d{0,4}", speaker.options["port"]) or int(speaker.options["port"]) > 65535:
        raise BadInput("port", speaker.options["port"], "a number from 1 to 65535")
    port = int(speaker.options["port"])
    found = resolve(host, port, CONNECT_S)
    allowed = [address for address in found if net.allow_private or is_public(address)]
    if not allowed:
        raise Refused(f"{host} is on a private network; for a server of your own set YOAKE_ALLOW_PRIVATE_NETWORKS=yes.")
    if security == "none" and any(is_public(address) for address in allowed):
        raise Refused(f"{host} is on the public network; mail goes there encrypted only (starttls or tls)")
    context = ssl.create_default_context()
    server: smtplib.SMTP | None = None
    try:
        server = _Smtp(host, port, str(allowed[0]), context if security == "tls" else None)
        if security == "starttls":
            server.starttls(context=context)
        server.ehlo_or_helo_if_needed()
        if speaker.options.get("user"):
            server.login(speaker.options["user"], speaker.secrets.get("password", ""))
    except smtplib.SMTPAuthenticationError as no:
        raise sender_denied(host, plain(_words(no.smtp_error)), no.smtp_code) from None
    except UnicodeError:
        raise sender_denied(host, "user name and password of a mailbox have ASCII characters only") from None
    except smtplib.SMTPNotSupportedError as no:
        raise Refused(f"{host} does not offer this ({plain(no)}); look at the encryption of this sender") from None
    except smtplib.SMTPResponseException as no:
        raise NotGone(f"{host} answered {no.smtp_code} ({plain(_words(no.smtp_error))})", after_s=300) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotGone(str(away(host, error)), after_s=60) from None
    else:
        yield server
    finally:
        if server is not None:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


def _letter(message: Message, speaker: Speaker) -> EmailMessage:
    letter, body = EmailMessage(policy=SMTP_POLICY), message.body
    address = _address(speaker.options["address"], "address")
    name, at = speaker.options.get("name", ""), address.rpartition("@")
    letter["From"] = Address(display_name=name, username=at[0], domain=at[2])
    letter["To"] = _address(str(message.to["mail"]), "to")
    letter["Subject"] = _one_line(body.get("subject") or "")
    letter["Date"] = format_datetime(message.tried_at)
    letter["Message-ID"] = message_id(message.key, address)
    for header, field in (("In-Reply-To", "in_reply_to"), ("References", "references")):
        if body.get(field):
            letter[header] = _one_line(body[field])
    letter.set_content(str(body["text"]), cte="base64")
    for one in body.get("attachments") or ():
        kind, _slash, subtype = str(one["type"]).partition("/")
        try:
            octets = base64.b64decode(one["base64"], validate=True)
        except (binascii.Error, ValueError):
            raise BadInput("attachments", one["name"], "octets in base64") from None
        letter.add_attachment(octets, maintype=kind, subtype=subtype or "octet-stream", filename=str(one["name"]))
    return letter


def _one_line(told: object) -> str:
    """Without whatever mail takes for the end of a line: more than CR and LF, see `str.splitlines`."""
    return " ".join(str(told).split())


def _address(written: str, field: str) -> str:
    address = written.strip()
    if not _ADDRESS.fullmatch(address):
        raise BadInput(field, "...", "one mail address, such as desk@office.example")
    return address


def _host(speaker: Speaker) -> str:
    return speaker.options["host"].strip()


def _refused(server: smtplib.SMTP, code: int, words: bytes | str) -> Exception:
    """What the server said no to, before it took the letter: for good (5xx), or for now."""
    told = f"the mail server answered {code} ({plain(_words(words))})"
    if 500 <= code < 600:
        return Refused(told)
    return NotGone(told, after_s=900)


def _words(told: bytes | str) -> str:
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else told
