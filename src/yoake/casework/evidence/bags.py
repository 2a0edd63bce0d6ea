"""Bags of evidence (BagIt 1.0, RFC 8493, in a ZIP): made, and checked by anybody, offline, years later; no database.

What is sealed lies under `data/`; the seal is the sha256 of `manifest-sha256.txt`, which the audit chain of the issuing
office (`seal/audit.json`) and the time stamp (`seal/timestamp.tsr`) hold.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import pyrage
from cryptography.x509 import Certificate

from yoake import __version__
from yoake.casework.audit.chain import entry_hash
from yoake.casework.evidence import stamps
from yoake.errors import BadInput, Refused

MANIFEST: Final = "manifest-sha256.txt"
TAGS: Final = "tagmanifest-sha256.txt"
CASE: Final = "data/case.json"
AUDIT: Final = "seal/audit.json"
STAMP: Final = "seal/timestamp.tsr"
COVER: Final = "cover.pdf"
_DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_MOST_OCTETS: Final = 500_000_000  # unpacked; what Yoake makes is far below
_MOST_FILES: Final = 1000
_METHODS: Final = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
)  # with others whoever opens a bag is at the mercy of its maker
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([!-~]+)")


def manifest_of(payload: Mapping[str, bytes]) -> bytes:
    """The manifest of files by path (`data/…`): one line a file, in the order of the paths, as `sha256sum -c` reads it."""
    return "".join(f"{sha256(payload[path]).hexdigest()}  {path}\n" for path in sorted(payload)).encode()


def pack(number: str, payload: Mapping[str, bytes], tags: Mapping[str, bytes], info: Mapping[str, str]) -> bytes:
    """A bag as a ZIP.

    Args:
        number: of the evidence; the name of the bag's folder.
        payload: what is sealed, by path (`data/…`).
        tags: what stands beside it: cover sheet, seal.
        info: for bag-info.txt.
    """
    size = f"{sum(map(len, payload.values()))}.{len(payload)}"
    told = {**info, "External-Identifier": number, "Payload-Oxum": size, "Bag-Software-Agent": f"Yoake {__version__}"}
    beside = {
        "bagit.txt": _DECLARATION,
        "bag-info.txt": "".join(f"{name}: {' '.join(value.split())}\n" for name, value in told.items()).encode(),
        MANIFEST: manifest_of(payload),
        **tags,
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as into:
        for path, octets in sorted({**payload, **beside, TAGS: manifest_of(beside)}.items()):
            into.writestr(f"{number}/{path}", octets)
    return packed.getvalue()


def encrypt_to(octets: bytes, recipient: str) -> bytes:
    """A file for one recipient only, in the format of age (age-encryption.org/v1).

    Args:
        octets: the file.
        recipient: their public key: age1…, ssh-ed25519 … or ssh-rsa ….

    Raises:
        BadInput: this is no such key.
    """
    recipient = recipient.strip()
    kind = pyrage.ssh.Recipient if recipient.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        encrypted: bytes = pyrage.encrypt(octets, [kind.from_str(recipient)])
    except pyrage.RecipientError:
        shown = "a private key" if "SECRET" in recipient.upper() else recipient[:80]
        raise BadInput("recipient", shown, "a public key: age1…, ssh-ed25519 … or ssh-rsa …") from None
    return encrypted


def decrypt_with(octets: bytes, identity: str) -> bytes:
    """A file that was encrypted to whoever has this age identity (AGE-SECRET-KEY-1…). Raises Refused when it was not."""
    key = next((line for line in identity.splitlines() if line.startswith("AGE-SECRET-KEY-")), "")
    try:
        decrypted: bytes = pyrage.decrypt(octets, [pyrage.x25519.Identity.from_str(key)])
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise Refused("this file was not encrypted for the key that was given") from None
    return decrypted


# --- checking ---------------------------------------------------------------------------------------------------------


@dataclass
class Checked:
    """What a bag says, and what is wrong with it."""

    number: str = ""
    files: int = 0
    digest: str = ""  # hex sha256 of the manifest: what audit and time stamp hold
    case: dict[str, Any] = field(default_factory=dict)  # data/case.json
    entry: dict[str, Any] = field(default_factory=dict)  # seal/audit.json
    stamp: stamps.Stamp | None = None
    problems: list[str] = field(default_factory=list)  # one sentence each


def is_encrypted(octets: bytes) -> bool:
    """Whether a file must be decrypted by its recipient first."""
    return octets.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE"))


def check(octets: bytes, roots: Sequence[Certificate] = (), digest: str = "") -> Checked:
    """Checks a bag whole: every file, the seal, the audit entry, the time stamp.

    Args:
        octets: the ZIP.
        roots: certificates of time-stamp authorities that are trusted; without any a stamp is compared, not trusted.
        digest: hex sha256 of the manifest as somebody wrote it down elsewhere; "" compares nothing.

    Raises:
        BadInput: it is no bag in a ZIP at all.
    """
    found = Checked()
    name, files = _unpacked(octets)
    found.number = name
    say = found.problems.append
    for path in ("bagit.txt", MANIFEST, TAGS, CASE):
        if path not in files:
            say(f"{path} is missing")
    if files.get("bagit.txt", _DECLARATION) != _DECLARATION:
        say("bagit.txt is not the one of BagIt 1.0")
    payload = {path: body for path, body in files.items() if path.startswith("data/")}
    beside = {path: body for path, body in files.items() if not path.startswith("data/") and path != TAGS}
    _compare(MANIFEST, files.get(MANIFEST, b""), payload, say)
    _compare(TAGS, files.get(TAGS, b""), beside, say)
    found.files = len(payload)
    manifest = files.get(MANIFEST, b"")
    found.digest = sha256(manifest).hexdigest()
    if digest and digest.strip().lower() != found.digest:
        say("the manifest is not the one whose digest was given")
    found.case = _json(CASE, files, say)
    if AUDIT in files:
        found.entry = _json(AUDIT, files, say)
        _check_entry(found, say)
    if STAMP in files:
        try:
            found.stamp = stamps.read(files[STAMP], manifest, roots)
        except Refused as problem:
            say(str(problem))
    return found


def _check_entry(found: Checked, say: Any) -> None:
    told = found.entry
    try:
        at = datetime.fromisoformat(told["at"])
        made = entry_hash(
            told["before"], at, told["kind"], told["actor"], told["organisation"], told["subject"], told["facts"]
        )
        if made != told["hash"]:
            say("the audit entry was changed after it was written")
        if told["facts"].get("manifest") != found.digest:
            say("the audit entry holds the digest of another manifest")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        say(f"{AUDIT} is not an audit entry")


def _compare(name: str, manifest: bytes, files: Mapping[str, bytes], say: Any) -> None:
    """Every file in the manifest with its sum, and no other."""
    listed: dict[str, str] = {}
    for number, line in enumerate(manifest.decode("utf-8", "replace").splitlines(), 1):
        told = _LINE.fullmatch(line)
        if told is None or told[2] in listed:
            say(f"{name} line {number} cannot be read")
        else:
            listed[told[2]] = told[1]
    for path, told_sum in listed.items():
        if path not in files:
            say(f"{path} is missing")
        elif sha256(files[path]).hexdigest() != told_sum:
            say(f"{path} was changed")
    for path in sorted(files.keys() - listed.keys()):
        say(f"{path} is not in {name}")


def _json(path: str, files: Mapping[str, bytes], say: Any) -> dict[str, Any]:
    if path not in files:
        return {}
    try:
        told = json.loads(files[path])
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        say(f"{path} cannot be read")
        return {}
    return told


def _unpacked(octets: bytes) -> tuple[str, dict[str, bytes]]:
    """The name of the bag and its files; nothing is written anywhere, and no more is unpacked than a bag may hold."""
    accepted = "a bag of evidence: a ZIP with one folder in it"
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            names = [entry.filename for entry in entries]
            (top,) = {name.partition("/")[0] for name in names}
            paths = [name.partition("/")[2] for name in names]
            odd = len(set(names)) != len(names) or len(names) > _MOST_FILES
            if odd or any(not path or ".." in path.split("/") or "\\" in path for path in paths):
                raise BadInput("bag", "odd names", accepted)
            if any(entry.compress_type not in _METHODS for entry in entries):
                raise BadInput("bag", "packed in another way", accepted)
            if sum(entry.file_size for entry in entries) > _MOST_OCTETS:
                raise BadInput("bag", "too big", f"at most {_MOST_OCTETS:,} bytes unpacked")
            return top, {path: packed.read(entry) for path, entry in zip(paths, entries, strict=True)}
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        RuntimeError,
        NotImplementedError,
        EOFError,
        OSError,
    ) as problem:
        raise BadInput("bag", type(problem).__name__, accepted) from None
