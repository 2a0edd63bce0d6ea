"""Public keys of recipients (age, or SSH keys, which age takes too), and what people compare by telephone before they trust one."""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from typing import Final

import pyrage

from yoake.errors import BadInput

LONGEST: Final = 2000  # characters; an ssh-rsa key of 8192 bits has 1,400
_ACCEPTED: Final = "a public key on one line: age1…, ssh-ed25519 … or ssh-rsa …"


def public_key(given: str) -> str:
    """The key as it is kept, without the comment behind an SSH key.

    Raises BadInput for anything else, a private key above all: it is not repeated in the message.
    """
    told = given.strip()
    if "PRIVATE KEY" in told.upper() or "SECRET-KEY" in told.upper():
        raise BadInput("public_key", "…", "the public key only; a private key never leaves whom it belongs to")
    if "\n" in told or len(told) > LONGEST:
        raise BadInput("public_key", "…", _ACCEPTED)
    kept = " ".join(told.split()[:2]) if told.startswith("ssh-") else told
    kind = pyrage.ssh.Recipient if kept.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        kind.from_str(kept)
    except pyrage.RecipientError:
        raise BadInput("public_key", "…", _ACCEPTED) from None
    return kept


def fingerprint(key: str) -> str:
    """What two people read to each other: of an SSH key what `ssh-keygen -l` prints, of an age key the key, in groups of four."""
    if key.startswith("ssh-"):
        try:
            blob = base64.b64decode(key.split()[1], validate=True)
        except (IndexError, binascii.Error):
            return ""
        return "SHA256:" + base64.b64encode(sha256(blob).digest()).decode().rstrip("=")
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))
