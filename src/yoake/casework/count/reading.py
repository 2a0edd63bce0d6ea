"""Reading at one moment, without keeping anybody from writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_moment() -> Iterator[None]:
    """Whatever is read until this ends is of one moment; nothing may be written.

    On SQLite a transaction of Django's would take the lock of the one writer for as long as the figures take
    (`transaction_mode` is IMMEDIATE); this one only reads. On PostgreSQL the moment is that of the first question
    (REPEATABLE READ). Inside a transaction that has begun already, its own rules hold; inside another such moment, it is that one.
    """
    if connection.in_atomic_block or _reads_already():
        yield
    elif connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute("SET LOCAL jit = off")  # compiling takes as long as all the figures of a year
            yield


def _reads_already() -> bool:
    """Whether SQLite is in a transaction that Django did not begin: that of a moment around this one."""
    return connection.vendor == "sqlite" and connection.connection is not None and connection.connection.in_transaction
