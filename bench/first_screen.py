"""`make bench-first-screen`: from a fresh clone to the first practice case on screen, in seconds (goal: 90).

Clones the repository into a temporary folder, runs `make run` as its README says, signs in with the password it prints
and asks for the practice inbox and its first case until they are there. The package cache of this machine is used.
Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

GOAL_S = 90


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repository", default=str(Path(__file__).resolve().parent.parent))
    given = arguments.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    marks: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="yoake-first-") as folder:
        began = time.perf_counter()
        clone = Path(folder) / "yoake"
        subprocess.run(["git", "clone", "--quiet", given.repository, str(clone)], check=True)
        marks["cloned"] = time.perf_counter() - began
        environment = {k: v for k, v in os.environ.items() if not k.startswith("YOAKE_")}
        environment |= {"YOAKE_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        lines: list[str] = []
        threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True).start()  # type: ignore[union-attr]
        try:
            page = Page(f"http://localhost:{port}")
            password = wait(
                lambda: next(
                    (m[0] for line in lines if (m := re.search(r"\b[a-z2-9]{5}(-[a-z2-9]{5}){3}\b", line))), None
                ),
                lines,
            )
            marks["password_printed"] = time.perf_counter() - began
            wait(lambda: page.get("/sign-in/"), lines)
            marks["sign_in_page"] = time.perf_counter() - began
            wait(lambda: page.sign_in("admin", password), lines)
            case = wait(lambda: re.search(r'href="(/case/\d+/)', page.get("/practice/") or ""), lines)
            marks["practice_inbox"] = time.perf_counter() - began
            wait(lambda: "<mark" in (page.get(case[1]) or ""), lines)
            marks["first_case"] = time.perf_counter() - began
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(20)
    for name, seconds in marks.items():
        print(f"{name.replace('_', ' '):20} {seconds:6.1f} s")
    print(
        json.dumps(
            {**{k: round(v, 1) for k, v in marks.items()}, "goal_s": GOAL_S, "goal_met": marks["first_case"] <= GOAL_S}
        )
    )
    return int(marks["first_case"] > GOAL_S)


class Page:
    """A browser without pictures."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def get(self, path: str, form: dict[str, str] | None = None) -> str | None:
        """The page, or None while nothing answers."""
        asked = urllib.request.Request(
            self.address + path,
            urllib.parse.urlencode(form).encode() if form else None,
            headers={"Referer": self.address + path},
        )
        try:
            with self.opener.open(asked, timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None

    def sign_in(self, name: str, password: str) -> bool:
        """Whether signing in worked."""
        page = self.get("/sign-in/") or ""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        answer = (
            self.get("/sign-in/", {"csrfmiddlewaretoken": token[1], "login": name, "password": password})
            if token
            else None
        )
        return answer is not None and 'name="password"' not in answer


def wait(question, lines: list[str], seconds: float = 300):  # type: ignore[no-untyped-def] # whatever the question answers
    """Asks until there is an answer."""
    deadline = time.perf_counter() + seconds
    while not (answer := question()):
        if time.perf_counter() > deadline:
            raise TimeoutError("".join(lines[-20:]))
        time.sleep(0.1)
    return answer


if __name__ == "__main__":
    sys.exit(main())
