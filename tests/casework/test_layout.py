"""An empty database is laid out at once: it must be what the migrations make of it, one after the other, to the last index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.soak import fresh_postgresql

pytestmark = pytest.mark.slow

AT_ONCE = "call_command('migrate', verbosity=0)"
ONE_BY_ONE = "from django.core.management.commands.migrate import Command; call_command(Command(), verbosity=0)"
PROGRAM = """
import json, re
import django; django.setup()
from django.core.management import call_command
from django.db import connection

{migrate}

def asked(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return sorted([str(value) for value in row] for row in cursor.fetchall())

told = {{"migrations": asked("SELECT app, name FROM django_migrations")}}
told["permissions"] = asked("SELECT codename FROM auth_permission")
if connection.vendor == "sqlite":
    tables = asked("SELECT name FROM sqlite_master WHERE type = 'table'")
    for (table,) in tables:
        told[table] = sorted(row[1:] for row in asked(f"PRAGMA table_info('{{table}}')"))
        told[table + " keys"] = sorted(row[2:] for row in asked(f"PRAGMA foreign_key_list('{{table}}')"))
    made = asked("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('index', 'trigger', 'view')")
    told["made"] = [[kind, table, re.sub(r"\\s+", " ", sql)] for kind, name, table, sql in made if sql != "None"]
    checks = asked("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    told["checks"] = [[name, sorted(re.findall(r'CONSTRAINT "(\\w+)"', sql)), "AUTOINCREMENT" in sql] for name, sql in checks]
else:
    told["columns"] = asked(
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, is_identity"
        " FROM information_schema.columns WHERE table_schema = 'public'"
        " AND (table_name, column_name) <> ('auth_group_permissions', 'id')"  # Django's history makes it wider; unused
    )
    told["indexes"] = asked("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    told["constraints"] = asked(
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    )
    told["triggers"] = asked("SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")
print(json.dumps(told))
"""


def test_laid_out_at_once_is_laid_out_alike(tmp_path: Path) -> None:
    at_once, one_by_one = schema(tmp_path / "at_once", AT_ONCE), schema(tmp_path / "one_by_one", ONE_BY_ONE)
    assert len(at_once["migrations"]) > 50
    assert at_once.keys() == one_by_one.keys()
    for what, rows in at_once.items():
        assert rows == one_by_one[what], what


def schema(data: Path, migrate: str) -> dict[str, Any]:
    server = os.environ.get("YOAKE_DATABASE_URL", "")
    (data / "db").mkdir(parents=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")},
        "YOAKE_DATA": str(data),
        "YOAKE_KEY_FILE": str(data / "key"),
        "YOAKE_DATABASE_URL": fresh_postgresql(server, f"layout_{data.name}") if server else "",
        "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
    }
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(migrate=migrate)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told
