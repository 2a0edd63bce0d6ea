from __future__ import annotations

import os
from pathlib import Path

import pytest

from yoake.collect.keys import Keys
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused


def put(folder: Path, name: str, text: bytes, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_a_secret_stands_in_its_file_or_in_the_environment(tmp_path: Path) -> None:
    put(tmp_path, "x_bearer", b"from-file\n")
    put(tmp_path, "threads", b"unused")
    net = Net(keys=Keys(tmp_path, {"threads": "from-environment"}))
    assert net.secret("x_bearer") == "from-file"
    assert net.secret("threads") == "from-environment"
    assert "from-environment" not in repr(Keys(tmp_path, {"threads": "from-environment"}))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path, "key", b"hunter2", mode)
    with pytest.raises(Refused, match="others can read the secret key: chmod 600") as caught:
        Net(keys=Keys(tmp_path)).secret("key")
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_secret_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"put it alone into {tmp_path}/key with rights 0600, or set YOAKE_SECRET_KEY"):
        Net(keys=Keys(tmp_path)).secret("key")
    with pytest.raises(Refused, match="missing: set YOAKE_SECRET_KEY"):
        Net().secret("key")


@pytest.mark.parametrize("text", [b"", b"\n", b"two words", "鍵".encode(), b"\xff", b"a\nb", b"a\0b"])
def test_what_no_header_can_carry_is_refused_and_not_shown(tmp_path: Path, text: bytes) -> None:
    put(tmp_path, "key", text)
    with pytest.raises(Refused, match="empty, or not one word of ASCII") as caught:
        Net(keys=Keys(tmp_path)).secret("key")
    assert "two" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_only_a_file_is_a_secret(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    if kind == "folder":
        path.mkdir(0o700)
    else:
        os.mkfifo(path, 0o600)
    with pytest.raises(Refused, match="missing"):
        Net(keys=Keys(tmp_path)).secret("key")


@pytest.mark.parametrize("name", ["", "../key/yoake.key", "Key", "a.b", "a/b", "a" * 61, "鍵"])
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="not shown") as caught:
        Net(keys=Keys(tmp_path)).secret(name)
    assert not name or name not in str(caught.value), "it may be the secret itself"
