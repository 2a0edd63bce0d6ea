"""What `yoake doctor` looks at: each check says how it is and, where something is not well, what to do."""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from yoake.cli.ground import only_one, ports, setup
from yoake.cli.words import _
from yoake.errors import BadInput, TryLater, YoakeError

_DISK_WARNING_BYTES = 5_000_000_000
_DISK_WRONG_BYTES = 500_000_000
_BUILT = datetime(2025, 1, 1, tzinfo=UTC)  # no clock that is right shows less
_CLOCKS_APART = timedelta(seconds=60)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_SILENT_AFTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Finding:
    """How one thing is."""

    check: str  # short name for programs
    state: str  # ok, warning, wrong
    what: str  # one sentence
    do: str = ""  # what to do now; empty when nothing


def checkup() -> Iterator[Finding]:
    """Every check in its order; a check that needs the database is left out while the database is not well."""
    yield from _exposure()
    yield from _data_folder()
    yield from _key()
    yield from _running()
    yield from _optional()
    yield from _engine()
    database = list(_database())
    yield from database
    yield from _categories()
    yield from _models()
    if all(finding.state == "ok" for finding in database):
        yield from _audit()
        yield from _evidence()
        yield from _duties()
        yield from _sources()
        yield from _second_looks()
        yield from _clock()


def _exposure() -> Iterator[Finding]:
    try:
        settings.ENVIRONMENT.check_exposure()
    except YoakeError as problem:
        yield Finding("exposure", "wrong", str(problem))
        return
    environment = settings.ENVIRONMENT
    if not environment.loopback_only and all(name in _LOOPBACK_NAMES for name in environment.allowed_hosts):
        yield Finding(
            "exposure",
            "warning",
            _("Other machines can reach the pages, but under no name: YOAKE_ALLOWED_HOSTS names this machine only."),
            _("Set YOAKE_ALLOWED_HOSTS to the names people type."),
        )


def _data_folder() -> Iterator[Finding]:
    data = settings.ENVIRONMENT.data
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        yield Finding(
            "data",
            "wrong",
            _("{path} cannot be written ({reason}).").format(path=data, reason=error.strerror),
            _("Give this account the right to write there, or choose another folder with YOAKE_DATA."),
        )
        return
    free = shutil.disk_usage(data).free
    told = _("{path} can be written; {gigabytes:.1f} GB are free.").format(path=data, gigabytes=free / 1e9)
    if free < _DISK_WARNING_BYTES:
        state = "wrong" if free < _DISK_WRONG_BYTES else "warning"
        yield Finding("data", state, told, _("Make room on this disk, or move the folder and set YOAKE_DATA."))
    else:
        yield Finding("data", "ok", told)


def _key() -> Iterator[Finding]:
    file = settings.ENVIRONMENT.key_file
    mode = stat.S_IMODE(file.stat().st_mode)
    if sys.platform != "win32" and mode & 0o077:  # Windows says nothing about others in these bits
        yield Finding(
            "key",
            "wrong",
            _("Other accounts of this machine may read the key file {path}.").format(path=file),
            _("Run: chmod 600 {path}").format(path=file),
        )
    else:
        yield Finding(
            "key",
            "ok",
            _("The key file {path} is for its owner only; keep a copy apart from the database.").format(path=file),
        )


def _running() -> Iterator[Finding]:
    environment = settings.ENVIRONMENT
    running = only_one.running_on(environment.data)
    try:
        free = ports.is_free(environment.bind, environment.port)
    except YoakeError as problem:
        yield Finding("port", "wrong", str(problem))
        return
    if running is not None:
        yield Finding(
            "port", "ok", _("Yoake runs (process {pid}) at {address}").format(pid=running.pid, address=running.address)
        )
    elif free:
        yield Finding("port", "ok", _("Yoake does not run; port {port} is free for it.").format(port=environment.port))
    else:
        yield Finding(
            "port",
            "wrong",
            _("Yoake does not run, and another program uses port {port}.").format(port=environment.port),
            _("Stop that program, or choose another port with YOAKE_PORT."),
        )


def _optional() -> Iterator[Finding]:
    driver = find_spec("psycopg") is not None
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql") and not driver:
        yield Finding(
            "postgresql",
            "wrong",
            _("YOAKE_DATABASE_URL names PostgreSQL, but its driver is not installed."),
            _("Run: pip install 'yoake[postgresql]'"),
        )
    elif driver:
        yield Finding("postgresql", "ok", _("The optional PostgreSQL driver is installed."))
    else:
        yield Finding("postgresql", "ok", _("The optional PostgreSQL driver is not installed; SQLite needs none."))


def _engine() -> Iterator[Finding]:
    """Starts Django on the way: what follows goes on without an engine."""
    try:
        setup.start_django()
    except BadInput as problem:
        yield Finding("engine", "wrong", str(problem))


def _database() -> Iterator[Finding]:
    try:
        missing = setup.migrations_to_run()
    except TryLater as problem:
        yield Finding("database", "wrong", str(problem), _("Start the database server, and check YOAKE_DATABASE_URL."))
        return
    except DatabaseError as problem:
        yield _damaged(str(problem))
        return
    if missing:
        yield Finding(
            "database",
            "wrong",
            _("The database was never set up, or by an older version (migrations to run: {count}).").format(
                count=len(missing)
            ),
            _("Run: yoake up --prepare"),
        )
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            damage = cursor.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            yield _damaged(damage)
            return
    yield Finding(
        "database", "ok", _("The database ({kind}) answers and is up to date.").format(kind=connection.vendor)
    )


def _damaged(problem: str) -> Finding:
    return Finding(
        "database",
        "wrong",
        _("The database file is damaged: {problem}").format(problem=problem),
        _("Stop Yoake and restore {path} from your backup.").format(path=settings.DATABASES["default"]["NAME"]),
    )


def _categories() -> Iterator[Finding]:
    from yoake.detect.category import load_categories

    try:
        loaded, problems = load_categories(settings.YOAKE_CATEGORIES)
    except YoakeError as problem:
        yield Finding("categories", "wrong", str(problem), _("Install Yoake again: a file it came with was changed."))
        return
    for left_out in problems:
        yield Finding("categories", "wrong", str(left_out), _("Correct that file; until then the folder is left out."))
    yield Finding(
        "categories",
        "ok",
        _("Categories in force: {names}").format(names=", ".join(loaded)),
    )


def _models() -> Iterator[Finding]:
    from yoake.detect import serving
    from yoake.detect.shadow import Shadowed

    try:
        detector = serving.on_duty(settings.YOAKE_MODELS, settings.YOAKE_CATEGORIES)
    except YoakeError as problem:
        told = _("The judge cannot be loaded, and the patrol stands still: {problem}").format(problem=problem)
        yield Finding("models", "wrong", told, _("Run: yoake model rollback"))
        return
    if isinstance(detector, Shadowed) and detector.problem:
        told = _("The model that should look on cannot be loaded: {problem}").format(problem=detector.problem)
        yield Finding("models", "warning", told, _("Run: yoake model list"))
    ref = serving.service_ref(settings.YOAKE_MODELS)
    yield Finding("models", "ok", _("On duty: model {ref}.").format(ref=ref))


def _audit() -> Iterator[Finding]:
    from yoake.casework.audit.models import Entry
    from yoake.casework.audit.queries import first_break

    broken = first_break()
    if broken:
        yield Finding(
            "audit",
            "wrong",
            _("The audit chain is broken: {problem}").format(problem=broken),
            _("Keep a copy of the database as it is, and find out who changed it."),
        )
    else:
        yield Finding(
            "audit", "ok", _("The audit chain is whole (entries: {count:,}).").format(count=Entry.objects.count())
        )


def _evidence() -> Iterator[Finding]:
    """Whether the master key is there: without it nothing is captured and nobody reads what is sealed."""
    from yoake.casework.evidence.keys import key_file
    from yoake.casework.evidence.rotating import lost_masters

    try:
        lost = lost_masters()
    except YoakeError as problem:
        yield Finding("evidence", "wrong", str(problem))
        return
    file = key_file()
    if lost:
        told = _("The master key of evidence is not in {path}: nothing is captured, nobody reads what is sealed.")
        copy = _("Restore the file from your copy; without one: yoake evidence rotate-key --lost")
        yield Finding("evidence", "wrong", told.format(path=file), copy)
    elif file.exists() and sys.platform != "win32" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        told = _("Other accounts of this machine may read the key file {path}.").format(path=file)
        yield Finding("evidence", "wrong", told, _("Run: chmod 600 {path}").format(path=file))
    elif file.exists():
        told = _("The key file {path} is for its owner only; keep a copy apart from the database.").format(path=file)
        yield Finding("evidence", "ok", told)


def _duties() -> Iterator[Finding]:
    """What the worker cannot do: each duty that fails pauses by itself."""
    from yoake.pipeline.mishaps import standing_still

    for one in standing_still(datetime.now(UTC)):
        told = _("The worker's duty {duty} stands still since {time}: {problem}").format(
            duty=one.duty, time=_local(one.since), problem=one.why
        )
        do = _("It is tried again by itself; if it stays so, tell those who maintain Yoake this line.")
        yield Finding("worker", "wrong", told, do)


def _sources() -> Iterator[Finding]:
    from yoake.casework.sources.models import Source

    runs = only_one.running_on(settings.ENVIRONMENT.data) is not None
    now = datetime.now(UTC)
    any_enabled = False
    for source in Source.objects.filter(enabled=True).order_by("name"):
        any_enabled = True
        told = f"{source.name}: {source.get_state_display()}"
        if source.problem:
            told += f" ({source.problem})"
        if source.seen_until:
            told += _(", read up to {time}").format(time=_local(source.seen_until))
        silent = source.last_page_at is not None and now - source.last_page_at > _SILENT_AFTER
        if source.state == Source.State.PAUSED:
            yield Finding("source", "wrong", told, _("Do what it says, then start the source again on its page."))
        elif source.state == Source.State.WAITING:
            yield Finding("source", "warning", told, _("Nothing, if you know why; it is tried again by itself."))
        elif runs and source.state == Source.State.RUNNING and silent:
            yield Finding("source", "warning", told, _("Nothing came for 15 minutes: look at the lines of yoake up."))
        else:
            yield Finding("source", "ok", told)
    if not any_enabled:
        yield Finding(
            "source",
            "warning",
            _("No source is watched."),
            _("Add one, for example with: yoake patrol bluesky_jetstream"),
        )


_SECOND_LOOK_ON = {
    "encoder": _("on; the model in {folder} can be used."),
    "llm_judge": _(
        "on; {host} answers (model {model}). Used today: {calls:,} of {calls_limit:,} calls, {tokens:,} of {tokens_limit:,} tokens."
    ),
    "pictures": _(
        "on; tesseract {tesseract} reads Japanese. Short posts with a weak cue today: {weak:,} of {weak_limit:,}."
    ),
}


def _second_looks() -> Iterator[Finding]:
    """Each second look: off, or on and whether it can be used; and what waits for it."""
    from django.db.models import Count

    from yoake.casework.cases.models import SecondLook
    from yoake.pipeline.looking import NAMES, state_of

    names = {
        "encoder": _("Second look by a text model"),
        "llm_judge": _("Second look by a language model"),
        "pictures": _("Second look at text inside pictures"),
    }
    on = settings.ENVIRONMENT.second_looks
    for name in NAMES:
        if name not in on:
            yield Finding("second_look", "ok", _("{look}: off.").format(look=names[name]))
            continue
        try:
            told = f"{names[name]}: {_SECOND_LOOK_ON[name].format(**state_of(name))}"
        except YoakeError as problem:
            told = _("{look} is on, but cannot be used: {problem}").format(look=names[name], problem=problem)
            state = "warning" if isinstance(problem, TryLater) else "wrong"
            yield Finding("second_look", state, told, _("Do what it says; until then posts wait for this look."))
            continue
        if name == "llm_judge" and settings.ENVIRONMENT.judge_external:
            told += " " + _("Posts may be sent outside this network.")
        late = SecondLook.objects.filter(detector=name).exclude(due_at=None).exclude(problem="")
        failed = SecondLook.objects.filter(detector=name, outcome="unusable")
        problems = (late | failed).order_by().values("problem").annotate(n=Count("pk")).order_by("-n")
        if worst := problems.first():
            told += " " + _("Posts it could not look at: {count:,} ({problem}).").format(
                count=sum(row["n"] for row in problems), problem=worst["problem"]
            )
            yield Finding(
                "second_look", "warning", told, _("Nothing, if you know why; they are tried again by themselves.")
            )
        else:
            yield Finding("second_look", "ok", told)


def _clock() -> Iterator[Finding]:
    from django.db.models import Max

    from yoake.casework.audit.models import Entry
    from yoake.casework.sources.models import Source

    now = datetime.now(UTC)
    correct = _("Set the clock of this machine, best by a time service of your network.")
    told = _local(now)
    if now < _BUILT:
        yield Finding("clock", "wrong", _("The clock shows {time}, which cannot be.").format(time=told), correct)
        return
    newest = Entry.objects.aggregate(newest=Max("at"))["newest"]
    if newest and newest - now > _CLOCKS_APART:
        yield Finding(
            "clock",
            "wrong",
            _("The clock shows {time}, but the audit chain has entries of {later}: it was set back.").format(
                time=told, later=_local(newest)
            ),
            correct,
        )
        return
    ahead = (
        Source.objects.filter(enabled=True, seen_until__gt=now + _CLOCKS_APART).values_list("name", flat=True).first()
    )
    if ahead:
        yield Finding(
            "clock",
            "warning",
            _("The clock shows {time}; the network of {source} is already later.").format(time=told, source=ahead),
            correct,
        )
        return
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            apart = abs(cursor.fetchone()[0] - datetime.now(UTC))
        if apart > _CLOCKS_APART:
            yield Finding(
                "clock",
                "wrong",
                _("The clock shows {time}, {seconds:.0f} s apart from the database server's.").format(
                    time=told, seconds=apart.total_seconds()
                ),
                correct,
            )
            return
        yield Finding("clock", "ok", _("The clock shows {time}, as the database server's does.").format(time=told))
        return
    yield Finding(
        "clock",
        "ok",
        _(
            "The clock shows {time} and never went back; whether it is right cannot be known without asking a time server."
        ).format(time=told),
    )


def _local(at: datetime) -> str:
    """A time as people here read it."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"
