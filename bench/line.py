"""`make bench-line`: 200,000 posts, 1 in 1,000 queued, from a file to the database, on SQLite with the inline engine.

Measured is the `yoake patrol` command as a user starts it, in a process of its own: time with and without its start-up,
and memory over the run. In the same run, as ratios: reading and parsing the same file and nothing else (the physical
limit of this input), and a plain peer (json, 100 compiled `re` rules, one INSERT a hit with the standard library).
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
import psutil

from bench import invented

PREPARE = """
import django, sys; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system
from yoake.casework.sources.actions import add_source
add_source(system("command"), Organisation.objects.create(name="bench"), "jsonl", name="bench", options={"path": sys.argv[1]})
"""


def write_posts(path: Path, n: int) -> int:
    """Writes `n` posts, every thousandth suspicious; returns how many are."""
    suspicious = 0
    with path.open("wb") as file:
        for i, everyday in enumerate(invented.posts(n, 80)):
            text = everyday
            if i % 1000 == 500:
                text, suspicious = invented.OFFERS[1].format(i), suspicious + 1
            row = {"id": f"{i}", "text": text, "author": f"a{i % 5000}", "posted_at": "2026-11-20T03:00:00Z"}
            file.write(orjson.dumps(row) + b"\n")
    return suspicious


def run_line(folder: Path, posts: Path, n: int, engine: str) -> dict[str, float]:
    """The whole line over the file."""
    (folder / "db").mkdir(parents=True)
    environment = {
        **os.environ,
        "YOAKE_DATA": str(folder),
        "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
        "YOAKE_DATABASE_URL": "",
    }
    subprocess.run([sys.executable, "-c", PREPARE, str(posts)], env=environment, check=True)
    command = [sys.executable, "-m", "yoake", "patrol", "bench", "--engine", engine, "--until-end", "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    watched, memory = psutil.Process(process.pid), []
    while process.poll() is None:
        try:
            memory.append(sum(p.memory_info().rss for p in [watched, *watched.children()]))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    assert process.stdout is not None
    told = json.loads(process.stdout.read().splitlines()[-1])
    seconds = time.perf_counter() - began
    if process.wait():
        raise RuntimeError("yoake patrol failed")
    database = sqlite3.connect(folder / "db" / "yoake.sqlite3")
    (cases,) = database.execute("SELECT count(*) FROM cases_case").fetchone()
    (counted,) = database.execute("SELECT sum(n) FROM sources_hourcount WHERE name = 'posts'").fetchone()
    if counted != n:
        raise RuntimeError(f"{counted} of {n} posts were counted")
    middle = memory[len(memory) // 2 :]
    return {
        "seconds": seconds,
        "line_seconds": told["seconds"],
        "cases": cases,
        "peak_mb": max(memory) / 2**20,
        "growth_second_half_mb": (max(middle) - middle[0]) / 2**20,
    }


def run_parse(posts: Path) -> float:
    """Reading and parsing, nothing else."""
    began = time.perf_counter()
    for line in posts.open("rb"):
        orjson.loads(line)
    return time.perf_counter() - began


def run_plain(folder: Path, posts: Path) -> float:
    """What a script of an afternoon does: json, 100 regular expressions, one INSERT a hit."""
    rules = invented.plain_rules()
    database = sqlite3.connect(folder / "plain.sqlite3")
    database.execute("CREATE TABLE posts (id TEXT PRIMARY KEY, text TEXT)")
    began = time.perf_counter()
    for line in posts.open():
        row = json.loads(line)
        if sum(1 for rule in rules if rule.search(row["text"])) >= 1:
            database.execute("INSERT INTO posts VALUES (?, ?)", (row["id"], row["text"]))
            database.commit()
    return time.perf_counter() - began


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--posts", type=int, default=200_000)
    arguments.add_argument("--engine", default="inline")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as name:
        folder = Path(name)
        suspicious = write_posts(folder / "posts.jsonl", given.posts)
        parse, plain = run_parse(folder / "posts.jsonl"), run_plain(folder, folder / "posts.jsonl")
        run_line(folder / "warm", folder / "posts.jsonl", given.posts, given.engine)  # kernels compile once a machine
        line = run_line(folder / "line", folder / "posts.jsonl", given.posts, given.engine)
    rate = given.posts / line["seconds"]
    result = {
        "posts": given.posts,
        "queued": line["cases"],
        "suspicious": suspicious,
        "posts_per_s": round(rate),
        "posts_per_s_without_start": round(given.posts / line["line_seconds"]),
        "peak_mb": round(line["peak_mb"]),
        "growth_second_half_mb": round(line["growth_second_half_mb"], 1),
        "times_plain_re": round(plain / line["seconds"], 2),
        "part_of_parsing_alone": round(parse / line["seconds"], 3),
        "goal_met": rate >= 20_000 and line["peak_mb"] < 500,
    }
    print(f"{'whole command':30} {rate:>10,.0f} posts/s   (goal 20,000)")
    print(f"{'without its start':30} {result['posts_per_s_without_start']:>10,} posts/s")
    print(f"{'plain json + 100 re + sqlite3':30} {given.posts / plain:>10,.0f} posts/s")
    print(f"{'parsing the file alone':30} {given.posts / parse:>10,.0f} posts/s")
    print(f"{'peak memory':30} {line['peak_mb']:>10,.0f} MB        (goal below 500)")
    print(f"{'growth in the second half':30} {line['growth_second_half_mb']:>10,.1f} MB")
    print(json.dumps(result))
    return int(not result["goal_met"])


if __name__ == "__main__":
    sys.exit(main())
