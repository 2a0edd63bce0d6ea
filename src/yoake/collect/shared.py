"""What the processes of one machine know together: a small file of values by name, which outlives them."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

log = logging.getLogger("yoake.collect")
_MOST: Final = 10_000  # values of one kind that are kept; of more, those that end soonest go
_LOOKED_EVERY: Final = 100  # new values of this process, after which that is looked at
_WAIT_S: Final = 5.0  # for another process that is writing; what it does takes less than a millisecond
_AGAIN_S: Final = 60.0  # a file that could not be used is tried again after this
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS kept (
    kind TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, until REAL NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kept_until ON kept (kind, until);
"""
_SOONEST: Final = """
DELETE FROM kept WHERE kind = ? AND name IN (SELECT name FROM kept WHERE kind = ? ORDER BY until LIMIT ?)
"""

Value = Any  # what JSON can hold
Change = Callable[[Value | None], tuple[Value, float] | None]


class Shared:
    """Values that every process sees which was given the same file, and that are there after a restart.

    A change is one transaction of SQLite: whoever is killed in the midst of one leaves the value as it was. Without a
    file, and while the file cannot be used (a disk that is full or read-only), this process knows them alone.

    Args:
        file: made when it is not there, with its folder if need be; readable by its owner only. None: none.
        clock: seconds since 1970.
    """

    def __init__(self, file: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._file, self._clock = file, clock
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._alone = file is None
        self._again_at = 0.0
        self._process = 0
        self._forked: list[sqlite3.Connection] = []  # of the parent: a child may not even close them
        self._inode = 0  # of the file as it was opened
        self._said = False
        self._new = 0  # values

    def get(self, kind: str, name: str) -> Value | None:
        """A value that has not ended, else None."""
        return self._do(lambda db: self._got(db, kind, name))

    def change(self, kind: str, name: str, change: Change) -> None:
        """Changes a value; nobody else reads or writes it meanwhile.

        Args:
            kind: of how many there may be 10,000.
            name: which.
            change: is given the value, or None, and gives the new one and for how many seconds it is kept; None leaves
                it as it is. It may be called again when the file fails, and what it raises changes nothing.
        """

        def work(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            try:
                before = self._got(db, kind, name)
                told = change(before)
                if told is not None:
                    value, for_s = told
                    row = (kind, name, orjson.dumps(value), self._clock() + for_s)
                    db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", row)
                    if before is None:
                        self._bound(db, kind)
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # it is over already
                    db.execute("ROLLBACK")
                raise

        self._do(work)

    def _got(self, db: sqlite3.Connection, kind: str, name: str) -> Value | None:
        query = "SELECT value FROM kept WHERE kind = ? AND name = ? AND until > ?"
        row = db.execute(query, (kind, name, self._clock())).fetchone()
        return None if row is None else orjson.loads(row[0])

    def _bound(self, db: sqlite3.Connection, kind: str) -> None:
        """Takes out what has ended, and half of too many."""
        self._new += 1
        if self._new % _LOOKED_EVERY:
            return
        db.execute("DELETE FROM kept WHERE until <= ?", (self._clock(),))
        (many,) = db.execute("SELECT count(*) FROM kept WHERE kind = ?", (kind,)).fetchone()
        if many > _MOST:
            db.execute(_SOONEST, (kind, kind, many - _MOST // 2))

    def _do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        with self._lock:
            for last in (False, True):
                try:
                    found = work(self._connection())
                except sqlite3.Error as error:
                    if self._alone:
                        raise
                    self._leave(error, last=last)
                else:
                    self._said = self._said and self._alone
                    return found
            return work(self._connection())

    def _connection(self) -> sqlite3.Connection:
        if self._open is not None and self._process != os.getpid():
            self._forked.append(self._open)
            self._open = None
        if self._alone and self._file is not None and time.monotonic() >= self._again_at:
            self._alone = False
            self._close()
        if self._open is None:
            self._process = os.getpid()
            self._open = _opened(None if self._alone else self._file)
            self._inode = 0 if self._alone or self._file is None else self._file.stat().st_ino
        return self._open

    def _leave(self, error: sqlite3.Error, *, last: bool) -> None:
        """The file cannot be used: one that is damaged is made anew; else this process goes on alone for a while."""
        self._close()
        assert self._file is not None
        if type(error) is sqlite3.DatabaseError and not last:  # no database, or not a whole one: nobody can use it
            with suppress(OSError):
                if self._inode in (0, self._file.stat().st_ino):  # not one that another process made anew meanwhile
                    for ending in ("", "-wal", "-shm"):
                        self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
            log.warning(
                "%s was damaged (%s) and is made anew: limits by host and quotas begin anew.", self._file, error
            )
            return
        if not self._said:
            log.warning(
                "%s cannot be used (%s): limits by host and quotas are those of this process.", self._file, error
            )
        self._said, self._alone, self._again_at = True, True, time.monotonic() + _AGAIN_S

    def _close(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
        self._open, self._inode = None, 0


def _opened(file: Path | None) -> sqlite3.Connection:
    if file is not None:
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise sqlite3.OperationalError(error.strerror) from None
    db = sqlite3.connect(file or ":memory:", timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
        db.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; a power cut at most the last moments
        db.executescript(_TABLE)
    except sqlite3.Error:
        db.close()
        raise
    return db
