"""The code by which somebody who got a letter names it: in the letter, with the address of the page that takes objections.

Fourteen signs: which item it is, masked, and 40 bits that only this deployment can make. Nothing is stored for it, and it holds
after the words are gone. Where no address is set (YOAKE_PUBLIC_URL), letters name section and telephone alone.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from django.conf import settings

from yoake.casework.cases.hold_keys import key_of
from yoake.casework.outbox.models import OutboxItem

PATH: Final = "/a"
_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # as Crockford writes base 32: none looks like another
_READ_AS: Final = str.maketrans("OIL", "011")
_ID_BITS, _PROOF_BITS = 30, 40
_LINE: Final = {"ja": "ご確認・異議 {url} 番号{code}", "en": "Questions, objections: {url} code {code}"}
_SHOWN: Final = (OutboxItem.Kind.WARNING, OutboxItem.Kind.REQUEST)


def code_of(item_id: int) -> str:
    """The code of an item, as a letter shows it: XXXXX-XXXXX-XXXX."""
    proof = _proof(item_id)
    value = ((item_id ^ _mask(proof)) << _PROOF_BITS) | proof
    signs = "".join(_SIGNS[(value >> (5 * place)) & 31] for place in range(13, -1, -1))
    return f"{signs[:5]}-{signs[5:10]}-{signs[10:]}"


def item_id_of(code: str) -> int | None:
    """Which item a code is of; None for what this deployment never made. Small letters, spaces and O for 0 are understood."""
    signs = re.sub(r"[\s-]", "", code[:60]).upper().translate(_READ_AS)
    if len(signs) != 14 or any(sign not in _SIGNS for sign in signs):
        signs = "0" * 14  # the same work for everything that is none
    value = 0
    for sign in signs:
        value = value << 5 | _SIGNS.index(sign)
    proof = value & ((1 << _PROOF_BITS) - 1)
    item_id = (value >> _PROOF_BITS) ^ _mask(proof)
    same = hmac.compare_digest(proof.to_bytes(5, "big"), _proof(item_id).to_bytes(5, "big"))
    return item_id if same and item_id > 0 else None


def line_of(item: OutboxItem) -> str:
    """What a warning or request says of the page for objections; "" where there is no page, or it is another kind."""
    address = settings.ENVIRONMENT.public_url
    if not address or item.kind not in _SHOWN or item.pk is None:
        return ""
    language = str(item.body.get("language") or (item.body.get("facts") or {}).get("language") or "ja")
    return _LINE["en" if language == "en" else "ja"].format(url=f"{address}{PATH}", code=code_of(item.pk))


def _proof(item_id: int) -> int:
    return int(key_of(f"letter code/{item_id}"), 16) & ((1 << _PROOF_BITS) - 1)


def _mask(proof: int) -> int:
    return int(key_of(f"letter mask/{proof}"), 16) & ((1 << _ID_BITS) - 1)
