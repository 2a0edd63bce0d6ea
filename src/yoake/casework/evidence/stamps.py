"""Time stamps (RFC 3161): that a digest existed at a time, said by an authority outside; pure, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.x509 import Certificate, load_der_x509_certificate
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from yoake.errors import Refused

QUERY: Final = "application/timestamp-query"
_CERTIFICATES: Final = 0xA0  # the tag of SignedData.certificates


@dataclass(frozen=True)
class Stamp:
    """What a time stamp says."""

    at: datetime
    by: str  # the certificate that signed it, as RFC 4514 writes a name
    trusted: bool  # its chain ends in one of the roots that were given


def ask(manifest: bytes) -> TimeStampRequest:
    """The question to an authority: about the sha256 of `manifest`, with a nonce, its certificates to be sent along."""
    return TimestampRequestBuilder().data(manifest).hash_algorithm(HashAlgorithm.SHA256).build()


def read(octets: bytes, manifest: bytes, roots: Sequence[Certificate] = (), nonce: int | None = None) -> Stamp:
    """What a time stamp says about `manifest`.

    Args:
        octets: the authority's answer (DER).
        manifest: what was stamped.
        roots: certificates that are trusted; without any, only what was stamped is compared and `trusted` is False.
        nonce: of the question; None years later, when nobody has it any more.

    Raises:
        Refused: it is no time stamp, it is about something else, or no root that was given signed it.
    """
    try:
        answer = decode_timestamp_response(_in_order(octets))
        if answer.status != 0:
            raise Refused(f"the time-stamp authority granted nothing (status {answer.status})")
        info = answer.tst_info
        if info.message_imprint.message != sha256(manifest).digest():
            raise Refused("the time stamp is about another manifest")
        if nonce is not None and info.nonce != nonce:
            raise Refused("the time stamp answers another question")
        if roots:
            # What the answer brings along is no reason to trust it: it only helps to build the way to a root.
            VerifierBuilder(roots=list(roots)).build().verify_message(answer, manifest)
        return Stamp(info.gen_time, _signer(answer), bool(roots))
    except VerificationError as problem:
        raise Refused(f"the time stamp is not signed by a trusted authority ({problem})") from None
    except ValueError as problem:
        raise Refused(f"this is no time stamp ({problem})") from None


def _certificates(answer: TimeStampResponse) -> list[Certificate]:
    return [load_der_x509_certificate(der) for der in answer.signed_data.certificates]


def _in_order(octets: bytes) -> bytes:
    """The answer with its certificates in the order of their octets, as DER wants a SET.

    The library takes no other order, and many authorities (openssl) send them leaf first. No signature covers the order.
    """
    try:
        (answer,) = _parts(octets, 0, len(octets))
        _status, token = _parts(octets, *answer[1:])
        _kind, wrapped = _parts(octets, *token[1:])
        (signed,) = _parts(octets, *wrapped[1:])
        certificates = next(part for part in _parts(octets, *signed[1:]) if part[0] == _CERTIFICATES)
        begin, end = certificates[1:]
        each = [part[1:] for part in _parts(octets, begin, end)]
    except (ValueError, IndexError, StopIteration):
        return octets  # the library says what is wrong
    starts = [begin, *(stop for _start, stop in each)]
    whole = sorted(octets[start:stop] for start, (_value, stop) in zip(starts, each, strict=False))
    return octets[:begin] + b"".join(whole) + octets[end:]


def _parts(octets: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """What stands one after the other in DER: tag, and where its value begins and ends. Raises ValueError for what does not fit."""
    found = []
    while at < end:
        tag, size = octets[at], octets[at + 1]
        at += 2
        if size & 0x80:
            n = size & 0x7F
            size, at = int.from_bytes(octets[at : at + n]), at + n
        if at + size > end:
            raise ValueError("longer than what it stands in")
        found.append((tag, at, at + size))
        at += size
    return found


def _signer(answer: TimeStampResponse) -> str:
    (signed, *_others) = answer.signed_data.signer_infos
    for certificate in _certificates(answer):
        if (certificate.issuer, certificate.serial_number) == (signed.issuer, signed.serial_number):
            return certificate.subject.rfc4514_string()[:200]
    return ""
