"""What can go wrong outside, each as one sentence that names the host."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from websockets.exceptions import ConnectionClosed

from yoake.errors import Refused, TryLater

LONGEST_PAUSE_S: Final = 86_400.0  # nobody is left alone for longer than a day, whatever it asks
_PAUSE_S: Final = 60.0  # where a host says "later" and not when


class Unreached(TryLater):
    """No connection was made: nothing of the request went out."""


class TooLong(TryLater):
    """The host sent more than was asked for at most."""


class Busy(TryLater):
    """The host answered that it is not now able to do what was asked, or its limit says so before it is asked."""

    asked: bool = False  # it answered so to this very request; False: nothing went out
    body: bytes = b""  # the beginning of what it answered


class Denied(Refused):
    """The host answered 401 or 403: it does not let this installation in."""

    status: int = 0
    body: bytes = b""  # the beginning of what it answered


def refuse(host: str, status: int, headers: Mapping[str, str], now: datetime, *, gone: bool = True) -> None:
    """Raise what a status means for everybody; `gone`: a server in trouble counts as away."""
    if status in (401, 403):
        raise Denied(
            f"{host} answered {status}: it does not let this installation in; check the access with its operator."
        )
    if status in (408, 429) or (gone and status >= 500):
        told_s = retry_after_s(headers, now)
        after_s = _PAUSE_S if told_s is None else told_s
        reason = "too many requests" if status == 429 else f"status {status}"
        raise Busy(f"{host} asks to wait ({reason}); trying again in {after_s:.0f} s.", after_s=after_s)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a Retry-After asks for, at most LONGEST_PAUSE_S; None when there is none that can be read.

    A date there is counted from the answer's own Date where it has one: the host's clock may be wrong, by as much in both.
    Where requests of a window are spent, its end (x-rate-limit-reset, seconds since 1970) counts as such a date.
    """
    told = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", told):
        return min(float(told), LONGEST_PAUSE_S)
    until, reset = http_date(told), headers.get("x-rate-limit-reset", "")
    if until is None and headers.get("x-rate-limit-remaining") == "0" and re.fullmatch(r"\d{9,11}", reset):
        until = datetime.fromtimestamp(int(reset), UTC)
    if until is None:
        return None
    since = http_date(headers.get("date", "")) or now
    return min(max(0.0, (until - since).total_seconds()), LONGEST_PAUSE_S)


def http_date(text: str) -> datetime | None:
    """A date as HTTP, mail and RSS write it, UTC; None when it is none, or does not say whose time it is."""
    try:
        at = parsedate_to_datetime(text)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def away(host: str, error: Exception, kind: type[TryLater] = TryLater) -> TryLater:
    """One sentence for everything that can go wrong with a connection."""
    cause: BaseException = error
    while not isinstance(cause, (ConnectionClosed, socket.gaierror)) and (
        deeper := cause.__cause__ or cause.__context__
    ):
        cause = deeper
    if isinstance(error, (TimeoutError, httpx.TimeoutException)) or isinstance(cause, TimeoutError):
        what = "does not answer"
    elif isinstance(cause, socket.gaierror) or "no such name" in str(cause):
        what = "cannot be found (no network, or no such name)"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        what = f"shows a certificate that is not valid ({cause.verify_message})"
    elif isinstance(cause, ConnectionRefusedError):
        what = "refuses the connection"
    elif isinstance(cause, ConnectionClosed) and cause.rcvd is None and cause.sent is not None:  # we closed it
        what = {1009: "sent a message that is too long", 1011: "gives no sign of life"}.get(
            cause.sent.code, f"was left with code {cause.sent.code}"
        )
    elif isinstance(cause, ConnectionClosed):
        code = f" with code {cause.rcvd.code}" if cause.rcvd else ""
        what = f"closed the connection{code}"
    else:
        what = f"cannot be reached ({type(cause).__name__})"
    return kind(f"{host} {what}; trying again later.", after_s=10)
