"""Rows by the million, without the ORM: no index is kept meanwhile, nothing is checked, COPY where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


@contextmanager
def in_bulk(*models: Any) -> Iterator[None]:
    """Indexes of these models are made anew at the end, foreign keys are not looked at, and keys go on behind the highest."""
    from django.core.management.color import no_style
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_keys = OFF")
        triggers = without_triggers(cursor)
        indexes = [made for model in models for made in without_indexes(cursor, model._meta.db_table)]
    yield
    with connection.cursor() as cursor:
        for made in (*indexes, *triggers, *connection.ops.sequence_reset_sql(no_style(), models)):
            cursor.execute(made)
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_keys = ON")


def write(like: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Rows that are like a model's object but for these columns."""
    from django.db import connection
    from django.db.models import DateTimeField, JSONField

    fields = [field for field in like._meta.concrete_fields if not field.generated]
    values = {field.column: field.get_db_prep_save(field.pre_save(like, True), connection) for field in fields}
    prepared = {field.column: field for field in fields if isinstance(field, DateTimeField | JSONField)}

    def full() -> Iterator[list[Any]]:
        for row in rows:
            for column in row.keys() & prepared.keys():
                row[column] = prepared[column].get_db_prep_save(row[column], connection)
            yield [*{**values, **row}.values()]

    columns = ", ".join(f'"{column}"' for column in values)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{like._meta.db_table}" ({columns}) FROM STDIN') as out:
                for row in full():
                    out.write_row(row)
        else:
            marks = ", ".join("?" * len(values))
            cursor.connection.execute("BEGIN")
            cursor.connection.executemany(f'INSERT INTO "{like._meta.db_table}" ({columns}) VALUES ({marks})', full())
            cursor.connection.execute("COMMIT")


def without_triggers(cursor: Any) -> list[str]:
    """Puts off the triggers that keep what stands of cases; returns what brings them back and writes what stands by then.

    On PostgreSQL no trigger fires meanwhile, those of foreign keys included.
    """
    following = import_module("yoake.casework.cases.migrations.0010_standing")
    fill = following.FILL.format(**following.TIMES[cursor.db.vendor])
    if cursor.db.vendor == "postgresql":
        cursor.execute("SET session_replication_role = replica")
        return ["SET session_replication_role = DEFAULT", "DELETE FROM cases_standing", fill]
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'standing_%%'")
    listed = cursor.fetchall()
    for name, _made in listed:
        cursor.execute(f"DROP TRIGGER {name}")
    return [*(made for _name, made in listed), "DELETE FROM cases_standing", fill]


def without_indexes(cursor: Any, table: str) -> list[str]:
    """Drops the indexes of a table, but those of its constraints; returns what makes them again."""
    if cursor.db.vendor == "sqlite":
        told = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql IS NOT NULL"
    else:
        told = (
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
            " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
        )
    cursor.execute(told, [table])
    listed = cursor.fetchall()
    for name, _made in listed:
        cursor.execute(f"DROP INDEX {name}")
    return [made for _name, made in listed]
