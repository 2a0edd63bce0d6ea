"""`yoake up`: everything starts, stays, starts again, and ends together."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests import needs
from tests.cli.running import PASSWORD, Up, all_gone, free_port, prepared, yoake

pytestmark = [pytest.mark.server, pytest.mark.slow]

STOPS_WITHIN_S = 10  # a detector that is being compiled at that moment finishes first
NOTHING_LISTENS = "bluesky_jetstream?endpoints=ws://127.0.0.1:1/subscribe"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def laid_out(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After a first start without sources."""
    return prepared(tmp_path_factory, data)


@pytest.fixture
def with_practice(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After a first start with the practice stream."""
    return prepared(tmp_path_factory, data, "practice")


def ready(up: Up) -> Up:
    up.wait_for("ready after")
    return up


def rows(data: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(data / "db" / "yoake.sqlite3", timeout=20)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_first_start_and_the_next(data: Path) -> None:
    with Up(data, free_port(), YOAKE_SOURCES="practice") as up:
        ready(up)
        assert up.status("/") == 302
        assert up.status("/sign-in/") == 200
        (shown,) = {found for line in up.lines for found in PASSWORD.findall(line)}
        assert {"web", "worker", "patrol"} <= {word for process in up.group() for word in process.cmdline()}
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "key" / "yoake.key").stat().st_mode) == 0o600
        up.wait_for("practice is being read", 90)
        before = up.group()
        assert up.stop() == 0
        assert all_gone(before, 1)
    assert "Traceback" not in up.said
    cursor = rows(data, "SELECT cursor FROM sources_source WHERE name = 'practice'")
    assert cursor != [(None,)]
    cases = rows(data, "SELECT count(*) FROM cases_case")
    for file in data.rglob("*"):
        assert not file.is_file() or shown.encode() not in file.read_bytes(), f"{file} holds the password"

    with Up(data, free_port(), YOAKE_SOURCES="practice bluesky_jetstream") as again:
        ready(again)
        assert not PASSWORD.search(again.said)
        assert again.stop() == 0
    assert rows(data, "SELECT name FROM sources_source") == [("practice",)]
    assert rows(data, "SELECT username FROM people_user") == [("admin",)]
    assert rows(data, "SELECT count(*) FROM cases_case") >= cases


def test_what_holds_while_it_runs(with_practice: Path) -> None:
    data = with_practice
    with Up(data, free_port()) as up:
        ready(up)

        second = yoake(data, "up", port=free_port())
        assert second.returncode == 4
        assert f"process {up.process.pid}" in second.stderr

        other = yoake(data.parent / "other", "up", port=up.port)
        assert other.returncode == 4
        assert f"Port {up.port}" in other.stderr
        assert "YOAKE_PORT" in other.stderr

        checked = json.loads(yoake(data, "doctor", "--json", port=up.port).stdout)
        assert checked["ok"]
        assert f"process {up.process.pid}" in next(c["what"] for c in checked["checks"] if c["check"] == "port")

        up.wait_for("practice is being read", 90)
        refused = yoake(data, "patrol", "practice")
        assert refused.returncode == 4
        assert refused.stderr.count("\n") == 1

        for name in ("web", "worker", "patrol"):
            killed = up.child(name)
            killed.kill()
            up.wait_for(f"{name} ended unexpectedly")
            until = time.monotonic() + 20
            while not [p for p in up.group() if name in p.cmdline()] and time.monotonic() < until:
                time.sleep(0.05)
            assert up.child(name).pid != killed.pid
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                assert up.status("/sign-in/") == 200
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise AssertionError(up.said)
        group = up.group()
        assert up.stop(signal.SIGTERM) == 0
        assert all_gone(group, 1)


def test_a_killed_supervisor_leaves_nobody_behind(with_practice: Path) -> None:
    with Up(with_practice, free_port()) as up:
        ready(up)
        group = up.group()
        assert len(group) >= 4
        up.process.kill()
        assert all_gone(group, STOPS_WITHIN_S)
        up.ended()
    with Up(with_practice, up.port) as again:  # neither its port nor its file stand in the way
        ready(again)
        assert again.stop() == 0


def test_a_closed_terminal_ends_everything(laid_out: Path) -> None:
    with Up(laid_out, free_port()) as up:
        ready(up)
        up.wait_for("there is no source to watch")
        time.sleep(2)
        assert up.said.count("there is no source to watch") == 1
        group = up.group()
        assert up.stop(signal.SIGHUP) == 0
        assert all_gone(group, 1)


def test_stops_promptly_with_open_connections(laid_out: Path) -> None:
    with Up(laid_out, free_port()) as up:
        ready(up)
        with socket.create_connection(("127.0.0.1", up.port)) as half, socket.create_connection(("127.0.0.1", up.port)):
            half.sendall(b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
            began = time.monotonic()
            assert up.stop() == 0
            assert time.monotonic() - began < STOPS_WITHIN_S


def test_without_a_network_it_says_so_and_goes_on(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Up(prepared(tmp_path_factory, data, NOTHING_LISTENS), free_port()) as up:
        ready(up)
        began = time.monotonic()
        line = up.wait_for("bluesky_jetstream is waiting: ", 10)
        assert time.monotonic() - began < 5
        assert "127.0.0.1" in line
        assert up.status("/sign-in/") == 200
        time.sleep(3)  # it is tried again meanwhile
        assert up.said.count("is waiting") == 1
        assert up.stop() == 0


def test_beyond_this_machine_over_tls(laid_out: Path, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        needs.lacking("needs OpenSSL: apt-get install openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), *subject]
    subprocess.run(make, check=True, capture_output=True)
    tls = {"YOAKE_BIND": "0.0.0.0", "YOAKE_TLS_CERT": str(cert), "YOAKE_TLS_KEY": str(key)}
    with Up(laid_out, free_port(), **tls) as up:  # type: ignore[arg-type]  # names are not those of parameters
        assert f"https://localhost:{up.port}/" in up.wait_for("ready after")
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"https://localhost:{up.port}/sign-in/", timeout=10, context=context) as page:
            assert page.status == 200
            assert "secure" in page.headers["Set-Cookie"].lower()
        assert up.stop() == 0


def test_exposed_bind_is_refused_before_anything_is_made(data: Path) -> None:
    ran = yoake(data, "up", YOAKE_BIND="0.0.0.0")
    assert ran.returncode == 4
    assert "YOAKE_TLS_CERT" in ran.stderr
    assert not (data / "db").exists()


def test_port_in_use_is_said_before_anything_starts(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = yoake(data, "up", port=port)
    assert ran.returncode == 4
    assert f"Port {port} " in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ("nonsense", "nonsense"),
        ("jsonl?pth=x", "pth"),
        ("jsonl jsonl", "two sources are called jsonl"),
        ("=jsonl", "name=connector"),
    ],
)
def test_wrong_sources_are_named_and_nothing_is_half_done(data: Path, sources: str, told: str) -> None:
    ran = yoake(data, "up", "--prepare", YOAKE_SOURCES=sources)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not PASSWORD.search(ran.stdout)
    corrected = yoake(data, "up", "--prepare", YOAKE_SOURCES="mine=jsonl?path=/tmp/posts.jsonl practice")
    assert corrected.returncode == 0, corrected.stderr
    assert rows(data, "SELECT name, connector, practice FROM sources_source ORDER BY name") == [
        ("mine", "jsonl", 0),
        ("practice", "practice", 1),
    ]
    assert PASSWORD.search(corrected.stdout)


def test_sources_that_were_removed_do_not_come_back(with_practice: Path) -> None:
    data = with_practice
    connection = sqlite3.connect(data / "db" / "yoake.sqlite3")
    with connection:
        connection.execute("DELETE FROM sources_source")
    connection.close()
    assert yoake(data, "up", "--prepare", YOAKE_SOURCES="practice").returncode == 0
    assert rows(data, "SELECT * FROM sources_source") == []


def test_a_stale_file_of_a_gone_process_is_taken_over(laid_out: Path) -> None:
    data = laid_out
    (data / "run").mkdir(parents=True, exist_ok=True)
    (data / "run" / "up.json").write_text('{"pid": 1, "started": 1.0, "address": "http://localhost:1/"}')
    assert yoake(data, "up", "--prepare").returncode == 0
    (data / "run" / "up.json").write_text("half wri")
    assert yoake(data, "up", "--prepare").returncode == 0
    assert not (data / "run" / "up.json").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = yoake(tmp_path / "file" / "data", "up")
    assert ran.returncode == 4
    assert "Traceback" not in ran.stderr
