"""A desk as large as a big hotline's: cases that wait and posts long decided, made in bulk; invented words only.

`python -m bench.desk_world --open 100000 --posts 1000000` fills the database of YOAKE_DATA or YOAKE_DATABASE_URL and adds
the users `bench_0` ... (analysts, one password). `--measure` then says what the inbox's questions cost, with their plans.
What is decided stands as its time left it: five in six not in scope and erased, the others in scope with their words.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password

from bench import invented
from bench.rows import in_bulk, write
from yoake.tables.posts import content_hash, uid_of

PASSWORD = "a long pass phrase 17"
CHUNK = 2_000  # texts that are folded at once
USERS = 24
KINDS = (  # category, grade, lowest score, share
    ("criminal_recruitment", "high", 0.8, 40),
    ("criminal_recruitment", "mid", 0.3, 20),
    ("drug_ad", "high", 0.7, 12),
    ("account_trade", "mid", 0.4, 12),
    ("illegal_gambling_ad", "mid", 0.4, 8),
    ("side_job_scam_lure", "mid", 0.35, 6),
    ("coerced_applicant", "mid", 0.3, 1),
    ("suicide_inducing", "high", 0.6, 1),
)
Rows = Iterator[dict[str, Any]]
PLACES = ("東京都", "大阪府", "愛知県", "福岡県", "北海道", "神奈川県", "埼玉県", "", "", "")


def fill(n_open: int, n_posts: int, now: datetime, seed: int = 20) -> Any:
    """Makes the world in an empty, migrated database; returns its organisation. The same arguments make the same rows."""
    from yoake.casework.cases.models import Account, Case, Decision, Finding, Post, PostVersion, SearchText
    from yoake.casework.people.models import Membership, Organisation, User
    from yoake.casework.sources.models import Source

    organisation = Organisation.objects.create(name="架空ホットライン", kind=Organisation.Kind.HOTLINE)
    source = Source.objects.create(organisation=organisation, name="bench", connector="jsonl", options={"path": "-"})
    password = make_password(PASSWORD)
    users = [
        User.objects.create(username=f"bench_{n}", staff_number=f"B-{n:03}", password=password) for n in range(USERS)
    ]
    for user in users:
        Membership.objects.create(user=user, organisation=organisation, role=Membership.Role.ANALYST)
    world = _World(random.Random(seed), n_open, n_posts, now)
    with in_bulk(Account, Post, PostVersion, Finding, Case, Decision, SearchText):
        write(Account(network="bench"), world.accounts())
        write(Post(network="bench", first_seen_at=now), world.posts())
        write(PostVersion(seen_at=now, lang="ja"), world.versions())
        write(Finding(detector="bench", detector_version="1", score=0.0), world.findings())
        write(Case(organisation=organisation, source=source, opened_at=now), world.cases([user.pk for user in users]))
        write(Decision(at=now), world.decisions([user.pk for user in users]))
        write(SearchText(), world.search_texts())
    return organisation


class _World:
    """Rows by table; whatever is number n of one table (from 0) has the key n + 1 there."""

    def __init__(self, chance: random.Random, n_open: int, n_posts: int, now: datetime) -> None:
        self.chance, self.now, self.n = chance, now, n_posts
        self.waiting = set(chance.sample(range(n_posts), min(n_open, n_posts)))
        self.kinds = chance.choices(KINDS, [share for *_kind, share in KINDS], k=n_posts)
        self.scores = [round(lowest + (0.99 - lowest) * chance.random(), 3) for _c, _g, lowest, _s in self.kinds]
        self.texts = {n: _text(chance, n) for n in range(n_posts) if not self.erased(n)}

    def erased(self, n: int) -> bool:
        """Of what is decided, five in six."""
        return n not in self.waiting and n % 6 != 0

    def seen(self, n: int) -> datetime:
        """What waits is of the last ten days, what is decided of the last two years."""
        return self.now - timedelta(days=10 if n in self.waiting else 730) * (1 - n / self.n)

    def accounts(self) -> Rows:
        for n in self.texts:
            yield {"id": n + 1, "native_id": f"a{n}", "handle": f"user_{n}", "name": f"架空の人 {n}"}

    def posts(self) -> Rows:
        for n in range(self.n):
            seen = self.seen(n)
            row = {
                "id": n + 1,
                "uid": uid_of("bench", f"p{n}"),
                "current_id": n + 1,
                "posted_at": seen,
                "first_seen_at": seen,
            }
            if self.erased(n):
                yield {**row, "erased_at": seen + timedelta(days=4)}
            else:
                yield {**row, "native_id": f"p{n}", "url": _url(n), "account_id": n + 1}

    def versions(self) -> Rows:
        for n in range(self.n):
            text = self.texts.get(n, "")
            name = f"架空の人 {n}" if text else ""
            yield {
                "id": n + 1, "post_id": n + 1, "content_hash": content_hash(text or f"{n}"), "seen_at": self.seen(n), "author_name": name,
                "text": text,
            }  # fmt: skip

    def findings(self) -> Rows:
        for n, ((category, grade, _lowest, _share), score) in enumerate(zip(self.kinds, self.scores, strict=True)):
            body = _body(category, self.texts[n]) if n in self.texts else {}
            named = "at_risk" if category == "coerced_applicant" else "illegal"
            yield {
                "id": n + 1, "version_id": n + 1, "category": category, "hotline_class": named, "score": score, "grade": grade, "body": body,
            }  # fmt: skip

    def cases(self, users: list[int]) -> Rows:
        from yoake.casework.cases.ranking import rank_of

        chance = self.chance
        for n, ((category, grade, _lowest, _share), score) in enumerate(zip(self.kinds, self.scores, strict=True)):
            seen = self.seen(n)
            yield {
                "id": n + 1, "post_id": n + 1, "state": "waiting" if n in self.waiting else "decided", "opened_at": seen,
                "category": category, "grade": grade, "score": score, "at_risk": category == "coerced_applicant",
                "rank": rank_of(category, score, seen, gone=False), "decide_by": seen + timedelta(days=chance.choice((1, 3, 12))),
                "prefecture": chance.choice(PLACES), "assignee_id": chance.choice(users) if chance.random() < 0.01 else None,
            }  # fmt: skip

    def decisions(self, users: list[int]) -> Rows:
        done = (n for n in range(self.n) if n not in self.waiting)
        for key, n in enumerate(done, 1):
            verdict = {"verdict": "not_in_scope"}
            if not self.erased(n):
                verdict = {"verdict": "in_scope", "category": self.kinds[n][0], "hotline_class": "illegal"}
            at = self.seen(n) + timedelta(hours=3)
            yield {
                "id": key,
                "case_id": n + 1,
                "version_id": n + 1,
                "by_id": self.chance.choice(users),
                "at": at,
                **verdict,
            }

    def search_texts(self) -> Rows:
        from yoake.casework.cases.search import words_of_each

        held = list(self.texts.items())
        for first in range(0, len(held), CHUNK):
            of = held[first : first + CHUNK]
            # the fields of search.fields_of
            told = words_of_each((text, f"架空の人 {n}", f"user_{n}", _url(n)) for n, text in of)
            yield from ({"case_id": n + 1, "words": words} for (n, _text), words in zip(of, told, strict=True))


def _url(n: int) -> str:
    return f"https://social.example/@user_{n}/{n}"


def _text(chance: random.Random, number: int) -> str:
    said = " ".join(chance.sample(_EVERYDAY, 2))
    return f"{said} {chance.choice(_CALLS)} {number % 977}番 {chance.choice(PLACES)}"


_EVERYDAY = [line for line in invented.EVERYDAY if line]
_CALLS = (
    "詳しくはDMで",
    "テレグラムまで",
    "日払い即金",
    "荷物を運ぶだけ",
    "タタキ 経験者",
    "UD募集",
    "口座買取",
    "手渡し",
)


def _body(category: str, text: str) -> dict[str, Any]:
    """Evidence, and two elements that somebody can confirm."""
    from yoake.casework.cases.categories import categories

    names = [element.name for element in categories()[category].elements[:2]]
    where = {"field": "text", "start": 0, "end": min(6, len(text)), "text": text[:6]}
    return {"spans": [_span(text)], "elements": [{"name": name, "span": where} for name in names]}


def _span(text: str) -> dict[str, Any]:
    return {"field": "text", "start": 0, "end": min(6, len(text)), "text": text[:6], "cue": "call", "weight": 1.5}


def measure(organisation: Any, now: datetime, rounds: int = 7) -> None:
    """Prints what each question of the inbox costs (median of `rounds`) and how the database answers it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from yoake.casework.cases.filters import Filter
    from yoake.casework.cases.models import Case
    from yoake.casework.cases.waiting import neighbours, waiting_by_category, waiting_counts
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of

    actor = actor_of(User.objects.get(username="bench_0"))
    middle = Case.objects.filter(state="waiting", organisation=organisation).order_by("-at_risk", "-rank")[
        10_000:10_001
    ]
    case = middle.first() or Case.objects.filter(state="waiting").first()
    assert case is not None
    asked = {
        "counts": lambda: waiting_counts(actor),
        "chips": lambda: waiting_by_category(actor, practice=False, now=now),
        **{
            f"inbox {query or 'all'} page {number}": _shows(actor, query, number, now)
            for query, number in (
                ("", 1),
                ("", 1900),
                ("category=drug_ad", 1),
                ("prefecture=東京都", 1),
                ("prefecture=沖縄県", 1),
                ("assignee=me", 1),
                ("overdue=1", 1),
                ("hotline_class=illegal", 1),
                ("age=7d&grade=mid", 1),
                ("hand=1", 1),
                ("edited=1", 1),
            )
        },
        "neighbours": lambda: neighbours(actor, case, now=now),
        "neighbours prefecture": lambda: neighbours(actor, case, chosen=Filter(prefecture="東京都"), now=now),
        **{
            f"search {words}": _searches(actor, words, now)
            for words in ("叩き", "UD", "user_77", "存在しない語", "猫が 手渡し")
        },
    }
    for name, ask in asked.items():
        took, worked = [], []
        for _ in range(rounds):
            began, began_cpu = time.perf_counter(), time.process_time()
            ask()
            took.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - began_cpu) * 1000)
        with CaptureQueriesContext(connection) as captured:
            ask()
        slowest = max(captured.captured_queries, key=lambda query: float(query["time"]))
        cost = f"{statistics.median(took):8.1f} ms, {statistics.median(worked):8.1f} ms of our own CPU"
        print(f"{name:32} {cost}, {len(captured):2} queries", flush=True)
        if statistics.median(took) > 20:
            print("    ", slowest["time"], slowest["sql"][:600], flush=True)
            with connection.cursor() as cursor:
                if slowest["sql"].startswith("SELECT"):
                    cursor.execute(
                        f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}"
                        + slowest["sql"].replace("%", "%%")
                    )
                    for row in cursor.fetchall()[:14]:
                        print("        ", row[-1])


def _shows(actor: Any, query: str, number: int, now: datetime) -> Any:
    from yoake.casework.cases.filters import Filter
    from yoake.casework.cases.waiting import show

    return lambda: show(actor, practice=False, chosen=Filter.of_query(query), number=number, now=now)


def _searches(actor: Any, words: str, now: datetime) -> Any:
    from yoake.casework.cases.filters import Filter
    from yoake.casework.cases.searching import search

    return lambda: search(actor, words, chosen=Filter(), now=now)


def main() -> None:
    """Fills the database, or measures one that was filled."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--open", type=int, default=100_000)
    asked.add_argument("--posts", type=int, default=100_000)
    asked.add_argument("--measure", action="store_true", help="only ask: the database is filled")
    given = asked.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from yoake.casework.people.models import Organisation

    now = timezone.now()
    if not given.measure:
        call_command("migrate", verbosity=0)
        began = time.perf_counter()
        fill(given.open, given.posts, now)
        print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
        if connection.vendor == "postgresql":  # as its own autovacuum does; SQLite keeps no statistics here
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")
    measure(Organisation.objects.get(name="架空ホットライン"), now)


if __name__ == "__main__":
    main()
