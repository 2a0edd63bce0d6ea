"""Time stamps on what is sealed: the question, and what is done with the answer."""

from __future__ import annotations

from datetime import datetime

from cryptography.x509 import Certificate, load_pem_x509_certificates
from django.conf import settings

from yoake.casework.evidence import stamps
from yoake.casework.evidence.actions import keep_stamp
from yoake.casework.evidence.bagging import payload_of, whole
from yoake.casework.evidence.bags import manifest_of
from yoake.casework.evidence.models import Evidence
from yoake.collect.net import Net
from yoake.errors import Refused, TryLater


def wanted() -> bool:
    """Whether an authority is set."""
    return bool(settings.ENVIRONMENT.tsa_url)


def stamp(row: Evidence, net: Net, now: datetime) -> bool:
    """Asks the authority about what is sealed and keeps its answer; False when something else is sealed by now.

    Raises:
        TryLater: the authority is away.
        Refused: what it says is no stamp of this manifest, or leads to none of the trusted certificates.
    """
    manifest = manifest_of(payload_of(whole(row)))
    question = stamps.ask(manifest)
    answer = net.post(
        settings.ENVIRONMENT.tsa_url, question.as_bytes(), headers={"Content-Type": stamps.QUERY}, limit_bytes=100_000
    )
    if answer.status != 200:
        raise TryLater(f"the time-stamp authority answered status {answer.status}", after_s=300)
    told = stamps.read(answer.body, manifest, roots(), question.nonce)
    return keep_stamp(row.pk, row.digest, answer.body, told.at, told.by, now)


def roots() -> list[Certificate]:
    """The certificates that stamps must lead to. Raises Refused for a file that holds none."""
    file = settings.ENVIRONMENT.tsa_roots
    if file is None:
        return []
    try:
        return load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        raise Refused(f"{file} holds no certificates (YOAKE_TSA_ROOTS)") from None
