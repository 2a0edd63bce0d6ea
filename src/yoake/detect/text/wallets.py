"""Which coin an address belongs to, by its checksum: Base58Check, Bech32, EIP-55, Monero; Solana only by its form."""

from __future__ import annotations

from typing import Final

import base58

LONGEST: Final = 106  # an integrated Monero address

# Version octets of Base58Check payloads of 21 octets.
_VERSIONS: Final = {0x00: "BTC", 0x05: "BTC", 0x30: "LTC", 0x32: "LTC", 0x41: "TRX"}
_MONERO: Final = {18: 95, 19: 106, 42: 95}  # network octet: characters of the address
_MONERO_BLOCK: Final = 11  # Base58 characters of eight octets; Monero writes block by block
_MONERO_REST: Final = {_MONERO_BLOCK: 8, 7: 5}  # characters of a block: octets; 7 in the last one
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_COINS: Final = {"bc": "BTC", "ltc": "LTC"}
_BECH32_SUMS: Final = {1: range(1), 0x2BC830A3: range(1, 17)}  # BIP 173 and BIP 350: witness versions
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_RATE: Final = 136  # octets that Keccak-256 takes in at once
_MASK: Final = (1 << 64) - 1


def coin_of(address: str) -> str:
    """The coin of an address whose checksum holds.

    Returns:
        BTC, LTC, TRX, XRP, XMR, ETH (also an address in one letter case, which carries no checksum),
        "SOL, form only" (Solana has no checksum), or "" when it is none of them.
    """
    if address[:2] == "0x":
        return "ETH" if _is_ethereum(address[2:]) else ""
    if address[:3].lower() == "bc1" or address[:4].lower() == "ltc1":
        return _bech32_coin(address)
    return _base58_coin(address)


def keccak256(message: bytes) -> bytes:
    """Keccak-256 as Ethereum and Monero use it: not SHA3-256 of hashlib, whose padding differs."""
    lanes = [0] * 25  # lane x, y at x + 5 * y
    last = len(message) % _RATE
    padded = bytearray(message + bytes(_RATE - last))
    padded[len(message)] ^= 0x01
    padded[-1] ^= 0x80
    for block in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[block + 8 * lane : block + 8 * lane + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    register = 1
    for _round in range(24):
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        lanes = [lane ^ column[(i + 4) % 5] ^ _turned(column[(i + 1) % 5], 1) for i, lane in enumerate(lanes)]
        x, y, current = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x + 5 * y] = lanes[x + 5 * y], _turned(current, (step + 1) * (step + 2) // 2)
        lanes = [
            lanes[i] ^ (~lanes[i - i % 5 + (i + 1) % 5] & lanes[i - i % 5 + (i + 2) % 5] & _MASK) for i in range(25)
        ]
        for step in range(7):
            register = (register << 1 ^ (register >> 7) * 0x71) % 256
            if register & 2:
                lanes[0] ^= 1 << ((1 << step) - 1)
    return lanes


def _turned(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> (64 - by)) & _MASK


def _is_ethereum(digits: str) -> bool:
    if digits in (digits.lower(), digits.upper()):
        return True
    sums = keccak256(digits.lower().encode()).hex()
    return all((int(sums[i], 16) >= 8) == char.isupper() for i, char in enumerate(digits) if char.isalpha())


def _bech32_coin(address: str) -> str:
    lower = address.lower()
    prefix, _one, rest = lower.partition("1")
    if address not in (lower, address.upper()) or len(rest) < 8 or len(address) > 90 or not set(rest) <= set(_BECH32):
        return ""
    data = [_BECH32.index(char) for char in rest]
    total = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *data]:
        top, total = total >> 25, (total & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            total ^= generator if top >> bit & 1 else 0
    version, program = data[0], data[1:-6]
    octets, spare = divmod(len(program) * 5, 8)
    if spare >= 5 or program[-1] & ((1 << spare) - 1) or not 2 <= octets <= 40:
        return ""
    if version not in _BECH32_SUMS.get(total, ()) or (version == 0 and octets not in (20, 32)):
        return ""
    return _BECH32_COINS[prefix]


def _base58_coin(address: str) -> str:
    if address[0] in "48" and len(address) in _MONERO.values():
        return "XMR" if _is_monero(address) else ""
    if len(address) > 44:
        return ""
    try:
        if address[0] == "r":
            payload = base58.b58decode_check(address, base58.XRP_ALPHABET)
            return "XRP" if len(payload) == 21 and payload[0] == 0 else ""
        payload = base58.b58decode_check(address)
    except ValueError:  # no checksum of this kind
        payload = b""
    if len(payload) == 21:
        return _VERSIONS.get(payload[0], "")
    mixed = any(c.isdigit() for c in address) and not address.isupper() and not address.islower()
    try:
        return "SOL, form only" if mixed and len(address) >= 32 and len(base58.b58decode(address)) == 32 else ""
    except ValueError:
        return ""


def _is_monero(address: str) -> bool:
    octets = b""
    for at in range(0, len(address), _MONERO_BLOCK):
        block = address[at : at + _MONERO_BLOCK]
        try:
            octets += base58.b58decode_int(block).to_bytes(_MONERO_REST[len(block)], "big")
        except (ValueError, OverflowError):
            return False
    return _MONERO.get(octets[0]) == len(address) and keccak256(octets[:-4])[:4] == octets[-4:]
