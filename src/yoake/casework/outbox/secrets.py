"""Passwords and tokens of senders: sealed with the deployment's key file, opened for the moment they are needed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from yoake.casework.outbox.channel import Speaker
from yoake.casework.outbox.models import Sender
from yoake.errors import Refused


def seal(secrets: Mapping[str, str]) -> bytes:
    """Secrets by name, encrypted."""
    return _box().encrypt(json.dumps(dict(secrets)).encode())


def unseal(sealed: bytes | memoryview) -> dict[str, str]:
    """What was sealed. Raises Refused when the key file is another one: then they must be entered anew."""
    if not sealed:
        return {}
    try:
        secrets: dict[str, str] = json.loads(_box().decrypt(bytes(sealed)))
    except InvalidToken:
        raise Refused(
            "the secrets of this sender were sealed with another key file; enter them again, or restore the key file"
        ) from None
    return secrets


def speaker_of(sender: Sender) -> Speaker:
    """The sender as a channel is given it. Raises Refused as `unseal`."""
    return Speaker(sender.pk, sender.options, unseal(sender.sealed), sender.remote_id, sender.handle)


def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(sha256(f"sender seal\0{settings.SECRET_KEY}".encode()).digest()))
