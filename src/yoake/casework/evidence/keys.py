"""Keys of evidence: one a case, wrapped by a master key that stands in a file beside the key file.

The file has one line a master key, `name hex`, the one in use first. A wrapped key stands in its row and in a list beside
the database, `$YOAKE_DATA/evidence/keys.list`: lines of one length, so that destroying a key overwrites it in its place.
What is no line (a write that was cut short) is overwritten: no line is known by where it stands, each by what it says.
The list says after a restore what was destroyed since, and opens the files when a database is lost (`yoake evidence rescue`).
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from yoake.casework.evidence.disk import alone_with, sync_names, write_new
from yoake.casework.evidence.models import Evidence, MasterKey
from yoake.errors import Refused

_NONCE: Final = 12  # octets
_UID, _NAME, _WRAPPED = 36, 16, 80  # characters of a line of the list, with a blank between and a line feed behind
_LINE: Final = _UID + _NAME + _WRAPPED + 3
_GONE: Final = "-" * _NAME
_KEY: Final = rb" (?:([0-9a-f]{16}) ([A-Za-z0-9+/]{80})|-{16} \.{80})\n"
_IS_LINE: Final = re.compile(rb"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})" + _KEY)


def key_file() -> Path:
    """Where the master keys stand."""
    return Path(settings.ENVIRONMENT.key_file).with_name("evidence.key")


def folder() -> Path:
    """Where the files and the list of keys lie."""
    return Path(settings.ENVIRONMENT.data) / "evidence"


# --- the file of master keys ------------------------------------------------------------------------------------------


def masters() -> dict[str, bytes]:
    """The master keys in the file by name, the one in use first; {} when there is no file. Raises Refused for a damaged one."""
    try:
        lines = key_file().read_text("ascii").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise Refused(
            f"the evidence key file {key_file()} cannot be read ({problem}); restore it from your copy"
        ) from None
    found = {}
    for number, line in enumerate(lines, 1):
        name, _, key = line.partition(" ")
        try:
            found[name] = bytes.fromhex(key)
        except ValueError:
            found[name] = b""
        if len(found[name]) != 32 or name != _name_of(found[name]):
            raise Refused(f"the evidence key file {key_file()} is damaged in line {number}; restore it from your copy")
    return found


def write_masters(keys: dict[str, bytes]) -> None:
    """Replaces the file: whole or not at all, for its owner only."""
    file = key_file()
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    write_new(fresh, "".join(f"{name} {key.hex()}\n" for name, key in keys.items()).encode("ascii"))
    fresh.replace(file)
    sync_names(file.parent)  # before the database names a key, the disk has it


def new_master() -> tuple[str, bytes]:
    """A fresh master key and its name, which says nothing about it."""
    key = secrets.token_bytes(32)
    return _name_of(key), key


def _name_of(key: bytes) -> str:
    return sha256(b"yoake evidence master key\0" + key).hexdigest()[:_NAME]


def in_use(now: datetime) -> tuple[str, bytes]:
    """The master key that wraps new keys, its row locked until the transaction ends; made when there never was one.

    Raises Refused when its file is missing or older than the database: what is sealed would be lost silently.
    """
    row, living = None, MasterKey.objects.filter(retired_at=None)
    while row is None and living.exists():  # PostgreSQL leaves out a row that was retired while we waited for it
        row = living.select_for_update().order_by("pk").last()
    if row is None:
        with alone_with(key_file()):  # two workers that meet here would each write over the other's key
            known = masters()
            if not known:
                name, key = new_master()
                known = {name: key}
                write_masters(known)
        name = next(iter(known))
        MasterKey.objects.update_or_create(
            name=name, defaults={"retired_at": None, "lost": False}, create_defaults={"made_at": now}
        )
        return name, known[name]
    return row.name, _master(row.name)


def _master(name: str) -> bytes:
    known = masters()
    if name not in known:
        raise Refused(
            f"the evidence key {name} is not in {key_file()}: restore that file from your copy"
            " (docs/howto/evidence.md says what to do when there is none)"
        )
    return known[name]


# --- a key a case -----------------------------------------------------------------------------------------------------


def wrap(key: bytes, uid: str, master: bytes) -> bytes:
    """A case's key as it is stored."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(master).encrypt(nonce, key, uid.encode())


def unwrap(wrapped: bytes, uid: str, master: bytes) -> bytes:
    """The case's key. Raises Refused when it was not wrapped by this master key for this evidence."""
    try:
        return AESGCM(master).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], uid.encode())
    except (InvalidTag, ValueError):
        raise Refused(f"the key of evidence {uid} is damaged") from None


def give_key(row: Evidence, now: datetime) -> bytes:
    """A fresh key for evidence, wrapped in its row (not saved yet) and in the list."""
    name, master = in_use(now)
    key = secrets.token_bytes(32)
    row.key, row.master = wrap(key, str(row.uid), master), name
    with _opened_list() as lines:
        _append(lines, row)
    return key


def key_of(row: Evidence) -> bytes:
    """The key of evidence. Raises Refused when it was destroyed, or the master key is not there."""
    if not row.key:
        raise Refused(f"the key of evidence {row.number} was destroyed")
    return unwrap(bytes(row.key), str(row.uid), _master(row.master))


def encrypt(octets: bytes, key: bytes, about: str) -> bytes:
    """AES-256-GCM; `about` is what must be the same when it is read."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, octets, about.encode())


def decrypt(octets: bytes, key: bytes, about: str) -> bytes:
    """What was encrypted. Raises Refused for octets that were changed."""
    try:
        return AESGCM(key).decrypt(octets[:_NONCE], octets[_NONCE:], about.encode())
    except (InvalidTag, ValueError):
        raise Refused(f"the evidence file {about} is damaged or was changed") from None


# --- the list beside the database -------------------------------------------------------------------------------------


def list_file() -> Path:
    """Where the list of wrapped keys lies."""
    return folder() / "keys.list"


def listed() -> Iterator[tuple[str, str, bytes]]:
    """Every line of the list: uid, name of the master key, wrapped key; both empty for a key that was destroyed."""
    try:
        octets = list_file().read_bytes()
    except FileNotFoundError:
        return
    for line in _IS_LINE.finditer(octets):
        uid, name, wrapped = line.groups(b"")
        yield uid.decode(), name.decode(), base64.b64decode(wrapped)


def relist(row: Evidence) -> None:
    """Writes the key that a row has now over the one in the list: rotated, or destroyed when the row has none."""
    uid = str(row.uid).encode()
    with _opened_list() as lines:
        octets = lines.read()
        places = [line.start() for line in re.finditer(re.escape(uid) + _KEY, octets)]
        if not places or octets.count(uid) != len(places):  # a line was cut short: a part of the key may stand there
            places = _mended(lines, octets).get(uid, [])
        _write(lines, row, places)


def relist_all(rows: Iterable[Evidence]) -> None:
    """`relist` of many; the disk has all of it when this returns."""
    with _opened_list() as lines:
        places = _mended(lines, lines.read())
        for row in rows:
            _write(lines, row, places.get(str(row.uid).encode(), []))


def _write(lines: BinaryIO, row: Evidence, places: list[int]) -> None:
    """In its place; what the list lacks is added: a living key, or that one was destroyed, for a database restored later."""
    for place in places:
        lines.seek(place)
        lines.write(_line(row))
    if not places:
        _append(lines, row)


def _append(lines: BinaryIO, row: Evidence) -> None:
    size = lines.seek(0, os.SEEK_END)
    lines.seek(max(0, size - _LINE))
    if size and not _IS_LINE.fullmatch(lines.read()):
        lines.seek(0)
        _mended(lines, lines.read())
    lines.seek(0, os.SEEK_END)
    lines.write(_line(row))


def _mended(lines: BinaryIO, octets: bytes) -> dict[bytes, list[int]]:
    """Where each uid stands. What is no line is overwritten: what else stood there, the rows have (`rotating.again`)."""
    places: dict[bytes, list[int]] = {}
    end = 0
    for line in _IS_LINE.finditer(octets):
        _overwrite(lines, end, line.start())
        places.setdefault(line[1], []).append(line.start())
        end = line.end()
    _overwrite(lines, end, len(octets))
    return places


def _overwrite(lines: BinaryIO, start: int, end: int) -> None:
    if start < end:
        lines.seek(start)
        lines.write(b"\n" * (end - start))


@contextmanager
def _opened_list() -> Iterator[BinaryIO]:
    """The list, to be read and written by nobody else; the disk has what was written when this ends."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = not list_file().exists()
    with (
        alone_with(list_file()),
        os.fdopen(os.open(list_file(), os.O_CREAT | os.O_RDWR, 0o600), "r+b") as lines,
    ):
        yield lines
        lines.flush()
        os.fsync(lines.fileno())
        if fresh:
            sync_names(folder())


def _line(row: Evidence) -> bytes:
    key = f"{row.master} {base64.b64encode(bytes(row.key)).decode()}" if row.key else f"{_GONE} {'.' * _WRAPPED}"
    line = f"{row.uid} {key}\n".encode()
    assert len(line) == _LINE
    return line
