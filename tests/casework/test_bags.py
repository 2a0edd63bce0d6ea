"""Bags of evidence: valid for the independent `bagit` library and `sha256sum`; every change is found; only for its recipient."""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
import time
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import bagit
import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence_world import LATER, SOON, settle
from tests.papers.test_papers import FACTS, text_of
from tests.report_world import confirmed
from yoake import papers
from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case
from yoake.casework.evidence import bags
from yoake.casework.evidence.actions import Fetched, bag, keep_fetched
from yoake.casework.evidence.canonical import canonical
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.queries import Actor, NotAllowed
from yoake.errors import BadInput, Refused

PAYLOAD = {"data/case.json": b"{}", "data/versions/1.json": "高額".encode(), "data/pictures/1-1.png": bytes(range(256))}
PLAIN = bags.pack("YKE-1-abc", PAYLOAD, {"cover.pdf": b"%PDF"}, {"Source-Organization": "架空県警察\nx"})


def unzipped(octets: bytes, into: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        packed.extractall(into)
    (folder,) = into.iterdir()
    return folder


def changed(octets: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The bag after somebody changed files in it."""
    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, body in files.items():
            packed.writestr(name, body)
    return out.getvalue()


# --- what a bag is ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_independent_library_and_sha256sum_find_it_valid(
    sealed: Evidence, as_supervisor: Actor, tmp_path: Path
) -> None:
    (tmp_path / "bag").mkdir()
    folder = unzipped(bag(as_supervisor, sealed.case_id or 0, now=LATER), tmp_path / "bag")
    assert folder.name == sealed.number
    opened = bagit.Bag(str(folder))
    opened.validate()
    assert opened.info["Source-Organization"] == "架空県警察"
    assert opened.info["External-Identifier"] == sealed.number
    assert opened.info["Bagging-Date"] == "2026-11-20"
    summed = subprocess.run(["sha256sum", "-c", "manifest-sha256.txt"], cwd=folder, capture_output=True, check=True)
    assert summed.stdout.count(b": OK") == 2
    assert sha256((folder / "manifest-sha256.txt").read_bytes()).hexdigest() == sealed.digest
    assert (folder / "cover.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "article"), [("ja", "職業安定法第5条の4"), ("en", "Employment Security Act, Article 5-4")]
)
def test_the_cover_sheet_names_only_articles_that_somebody_verified(
    sealed: Evidence, as_supervisor: Actor, language: str, article: str
) -> None:
    known = category("criminal_recruitment")
    assert [basis.article for basis in known.legal_basis if basis.verified]
    _name, files = bags._unpacked(bag(as_supervisor, sealed.case_id or 0, language=language))
    told = text_of(files["cover.pdf"])
    assert (article in told) is any(basis.verified and basis.article == "5-4" for basis in known.legal_basis)
    assert getattr(known.name, language) in told
    assert "S-sup" in told
    assert "supervisor" not in told
    assert sealed.digest in told


def test_a_bag_without_a_case_is_valid_for_the_library_too(tmp_path: Path) -> None:
    bagit.Bag(str(unzipped(PLAIN, tmp_path))).validate()
    assert bags.check(PLAIN).problems == []


# --- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.update({"YKE-1-abc/data/versions/1.json": b"other"}), "data/versions/1.json was changed"),
        (lambda files: files.pop("YKE-1-abc/data/versions/1.json"), "data/versions/1.json is missing"),
        (lambda files: files.update({"YKE-1-abc/data/more": b""}), "data/more is not in manifest-sha256.txt"),
        (lambda files: files.update({"YKE-1-abc/more": b""}), "more is not in tagmanifest-sha256.txt"),
        (lambda files: files.update({"YKE-1-abc/cover.pdf": b"%PDF2"}), "cover.pdf was changed"),
        (lambda files: files.pop("YKE-1-abc/tagmanifest-sha256.txt"), "tagmanifest-sha256.txt is missing"),
        (lambda files: files.update({"YKE-1-abc/bagit.txt": b"BagIt-Version: 9\n"}), "bagit.txt is not the one"),
        (lambda files: files.update({"YKE-1-abc/manifest-sha256.txt": b"x"}), "manifest-sha256.txt line 1"),
    ],
)
def test_every_change_is_found(change: Callable[[dict[str, bytes]], None], said: str) -> None:
    problems = bags.check(changed(PLAIN, change)).problems
    assert any(problem.startswith(said) for problem in problems), problems


def _resealed(files: dict[str, bytes], path: str, body: bytes) -> None:
    """As a forger would: the file and both manifests are changed, so that the bag is valid by itself."""
    top = next(iter(files)).partition("/")[0]
    files[f"{top}/{path}"] = body
    payload = {name.partition("/")[2]: body for name, body in files.items() if "/data/" in name}
    files[f"{top}/manifest-sha256.txt"] = bags.manifest_of(payload)
    size = f"Payload-Oxum: {sum(map(len, payload.values()))}.{len(payload)}".encode()
    info = files[f"{top}/bag-info.txt"]
    files[f"{top}/bag-info.txt"] = re.sub(rb"Payload-Oxum: .*", size, info)
    beside = {name.partition("/")[2]: body for name, body in files.items() if "/data/" not in name}
    beside.pop("tagmanifest-sha256.txt")
    files[f"{top}/tagmanifest-sha256.txt"] = bags.manifest_of(beside)


@pytest.mark.django_db
def test_a_bag_made_anew_does_not_fit_the_audit_entry(sealed: Evidence, as_supervisor: Actor, tmp_path: Path) -> None:
    made = bag(as_supervisor, sealed.case_id or 0)
    (tmp_path / "bag").mkdir()
    forged = changed(made, lambda files: _resealed(files, "data/versions/1.json", b'{"text":"other"}'))
    bagit.Bag(str(unzipped(forged, tmp_path / "bag"))).validate()  # valid by itself
    assert bags.check(forged).problems == ["the audit entry holds the digest of another manifest"]
    assert "whose digest was given" in bags.check(forged, digest=sealed.digest).problems[0]

    def entry_too(files: dict[str, bytes]) -> None:
        _resealed(files, "data/versions/1.json", b'{"text":"other"}')
        path = next(name for name in files if name.endswith("seal/audit.json"))
        told = json.loads(files[path])
        manifest = next(body for name, body in files.items() if name.endswith("/manifest-sha256.txt"))
        told["facts"]["manifest"] = sha256(manifest).hexdigest()
        _resealed(files, "seal/audit.json", canonical(told))

    assert bags.check(changed(made, entry_too)).problems == ["the audit entry was changed after it was written"]


@pytest.mark.parametrize(
    "octets",
    [b"", b"PK\x03\x04rubbish", PLAIN[:-30], changed(PLAIN, lambda files: files.update({"other/x": b""}))],
)
def test_what_is_no_bag_is_said_in_a_sentence(octets: bytes) -> None:
    with pytest.raises(BadInput, match="a bag of evidence"):
        bags.check(octets)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_bag_packed_in_another_way_is_not_unpacked(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        packed.writestr("YKE-1-abc/bagit.txt", b"x" * 100)
    damaged = bytearray(out.getvalue())
    damaged[50] ^= 255
    with pytest.raises(BadInput, match="a bag of evidence"):
        bags.check(bytes(damaged))


@pytest.mark.parametrize("told", [b"[" * 100_000, b'{"at": "0001-01-01T00:00:00+14:00", "facts": {}}', b'{"at": 1}'])
def test_what_is_no_audit_entry_is_said_in_a_sentence(told: bytes) -> None:
    odd = changed(PLAIN, lambda files: files.update({"YKE-1-abc/seal/audit.json": told}))
    assert any(problem.startswith("seal/audit.json ") for problem in bags.check(odd).problems)


@pytest.mark.parametrize("path", ["YKE-1-abc/../../evil", "YKE-1-abc/data\\evil", "YKE-1-abc/"])
def test_odd_names_are_not_opened(path: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("YKE-1-abc/bagit.txt", b"")
        if path.endswith("/"):
            packed.writestr("YKE-1-abc/bagit.txt/", b"")
            packed.writestr("lonely", b"")
        else:
            packed.writestr(path, b"")
    with pytest.raises(BadInput):
        bags.check(out.getvalue())


def test_more_than_a_bag_holds_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = bags.pack("YKE-1-abc", {"data/zeros": bytes(3_000_000)}, {}, {})
    monkeypatch.setattr(bags, "_MOST_OCTETS", 2_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(BadInput, match="too big"):
        bags.check(bomb)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 255))
def test_no_single_octet_changes_what_is_inside_unnoticed(place: int, by: int) -> None:
    octets = bytearray(PLAIN)
    octets[place] = (octets[place] + by) % 256
    try:
        found = bags.check(bytes(octets))
    except BadInput:
        return
    if not found.problems:  # a bit of the ZIP that says nothing of the files: they are the same
        _name, files = bags._unpacked(bytes(octets))
        assert {path: body for path, body in files.items() if path.startswith("data/")} == PAYLOAD


# --- for one recipient ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_bag_for_a_recipient_opens_for_nobody_else(sealed: Evidence, as_supervisor: Actor) -> None:
    ours, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    made = bag(as_supervisor, sealed.case_id or 0, str(ours.to_public()))
    assert bags.is_encrypted(made)
    assert "高額".encode() not in made
    assert bags.check(bags.decrypt_with(made, f"# made by age\n{ours}\n")).problems == []
    with pytest.raises(Refused, match="not encrypted for the key"):
        bags.decrypt_with(made, str(other))
    with pytest.raises(Refused, match="not encrypted for the key"):
        bags.decrypt_with(made, "rubbish")


@pytest.mark.django_db
def test_whoever_may_act_takes_a_bag_out_for_a_key_that_an_administrator_confirmed_and_for_no_other(
    sealed: Evidence, as_analyst: Actor, as_administrator: Actor
) -> None:
    case, ours = sealed.case_id or 0, pyrage.x25519.Identity.generate()
    for key in (None, str(ours.to_public())):
        with pytest.raises(NotAllowed):
            bag(as_analyst, case, key)
    with pytest.raises(Refused, match="nobody confirmed the public key"):
        bag(as_analyst, case, body="police_osaka")
    confirmed(as_administrator, "police_osaka", LATER, public_key=str(ours.to_public()))
    made = bag(as_analyst, case, body="police_osaka")
    assert bags.check(bags.decrypt_with(made, str(ours))).problems == []
    with pytest.raises(NotAllowed):
        bag(as_analyst, case, str(ours.to_public()))


def test_ssh_keys_are_recipients_too(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    made = bags.encrypt_to(b"secret", (tmp_path / "key.pub").read_text())
    identity = pyrage.ssh.Identity.from_buffer((tmp_path / "key").read_bytes())
    assert pyrage.decrypt(made, [identity]) == b"secret"


@pytest.mark.parametrize("key", ["", "age1rubbish", "ssh-ed25519 AAAA", "Jane"])
def test_what_is_no_public_key_is_refused(key: str) -> None:
    with pytest.raises(BadInput, match="a public key"):
        bags.encrypt_to(b"x", key)


def test_a_private_key_given_by_mistake_is_not_repeated() -> None:
    private = str(pyrage.x25519.Identity.generate())
    with pytest.raises(BadInput) as said:
        bags.encrypt_to(b"x", private)
    assert private not in str(said.value)


# --- canonical JSON ---------------------------------------------------------------------------------------------------


def test_the_same_facts_are_the_same_octets() -> None:
    assert (
        canonical({"b": [1, None, True], "a": "高\u200b\n\x01"})
        == '{"a":"高\u200b\\n\\u0001","b":[1,null,true]}'.encode()
    )
    with pytest.raises(TypeError, match="fraction"):
        canonical({"a": [{"b": 0.5}]})


_FACTS: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


@given(st.dictionaries(st.text(), _FACTS))
def test_canonical_json_reads_back_and_stays(facts: dict[str, Any]) -> None:
    assert canonical(json.loads(canonical(facts))) == canonical(facts)


# --- quick enough -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_sealing_bag_and_sheet_of_a_case_with_pictures_are_quick(
    vault: Path, waiting: Case, in_scope: Callable[..., Case], as_supervisor: Actor
) -> None:
    """Well under two seconds of this process's own time, with four pictures of three megabytes that cannot be packed."""
    settle()
    row = Evidence.objects.get()
    pictures = {
        f"pictures/1-{n}.png": b"\x89PNG\r\n\x1a\n" + random.Random(n).randbytes(3_000_000) for n in range(1, 5)
    }
    told = {name.partition("/")[2].removesuffix(".png"): "kept" for name in pictures}
    assert keep_fetched(row.pk, row.versions[-1], Fetched(pictures, told), SOON)
    in_scope(waiting)
    papers.pdf("evidence", {**FACTS, "language": "ja"})  # the worker has loaded the font long ago
    began = time.process_time()
    settle(LATER)
    made = bag(as_supervisor, waiting.pk, str(pyrage.x25519.Identity.generate().to_public()))
    took_s = time.process_time() - began
    print(f"sealed and packed {len(made):,} bytes in {took_s:.2f} s of CPU")
    assert took_s < 2
