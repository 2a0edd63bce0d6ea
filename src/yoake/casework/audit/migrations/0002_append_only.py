"""Entries are added, never changed and never removed: the database itself refuses, whoever asks through this connection.

SQLite drops a table's triggers when it rebuilds the table, as some migrations do: a later migration of `Entry` must end
with this operation again. `yoake audit verify` says when the triggers are missing.
"""

from django.db import migrations, models

SQLITE = {
    "audit_entry_no_update": "BEFORE UPDATE ON audit_entry",
    "audit_entry_no_delete": "BEFORE DELETE ON audit_entry",
}
REFUSAL = "audit entries are never changed or removed"


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name, when in SQLITE.items():
            schema_editor.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END")
        return
    schema_editor.execute(
        "CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    schema_editor.execute(
        "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse()"
    )
    schema_editor.execute(
        "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse()"
    )


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name in SQLITE:
            schema_editor.execute(f"DROP TRIGGER {name}")
        return
    for name in ("audit_entry_no_change", "audit_entry_no_truncate"):
        schema_editor.execute(f"DROP TRIGGER {name} ON audit_entry")
    schema_editor.execute("DROP FUNCTION audit_entry_refuse()")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="entry", index=models.Index(fields=["organisation", "id"], name="audit_of_organisation")
        ),
        migrations.AddIndex(model_name="entry", index=models.Index(fields=["actor", "id"], name="audit_by_actor")),
        migrations.AddIndex(model_name="entry", index=models.Index(fields=["kind", "id"], name="audit_of_kind")),
        migrations.AddIndex(model_name="entry", index=models.Index(fields=["at"], name="audit_by_time")),
        migrations.RunPython(guard, unguard),
    ]
