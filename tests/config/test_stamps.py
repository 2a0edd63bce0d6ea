"""The settings of time stamps: both or neither, and nothing that holds a password is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from yoake.config.environment import read
from yoake.errors import BadInput

URL = "https://tsa.example/stamp"


def test_off_unless_set(tmp_path: Path) -> None:
    told = read({"YOAKE_DATA": str(tmp_path)})
    assert (told.tsa_url, told.tsa_roots, told.evidence_pictures) == ("", None, True)
    assert read({"YOAKE_DATA": str(tmp_path), "YOAKE_EVIDENCE_PICTURES": "no"}).evidence_pictures is False


def test_an_authority_needs_certificates_and_the_other_way_round(tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("x")
    told = read({"YOAKE_TSA_URL": URL, "YOAKE_TSA_ROOTS": str(roots)})
    assert (told.tsa_url, told.tsa_roots) == (URL, roots)
    with pytest.raises(BadInput, match="YOAKE_TSA_ROOTS"):
        read({"YOAKE_TSA_URL": URL})
    with pytest.raises(BadInput, match="YOAKE_TSA_URL"):
        read({"YOAKE_TSA_ROOTS": str(roots)})


@pytest.mark.parametrize("url", ["tsa.example", "ftp://tsa.example", "https://user:secret@tsa.example", "https://ts a"])
def test_other_addresses_are_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as said:
        read({"YOAKE_TSA_URL": url, "YOAKE_TSA_ROOTS": __file__})
    assert "secret" not in str(said.value)
