"""What stands of each decided case, in a narrow table of its own that the database keeps.

SQLite cannot rebuild a table that a trigger names, as some migrations do: a later one that rebuilds the table of posts, cases
or decisions begins with `unfollow` and ends with `follow`. A test tries each trigger.
"""

import django.db.models.deletion
from django.db import migrations, models

# The rows of cases whose decision counts: it is the newest that nobody undid, and the case waits for nobody.
FILL = """
    INSERT INTO cases_standing (
        case_id, organisation_id, at, day, verdict, category, hotline_class, at_risk, source_id, network, prefecture, origin,
        found_as, opened_at, opened_on, waited, in_time
    )
    SELECT c.id, c.organisation_id, d.at, {day}, d.verdict, d.category, d.hotline_class, d.at_risk, c.source_id, p.network,
        c.prefecture, c.origin, c.category, c.opened_at, {opened_on}, {waited}, d.at <= c.decide_by
    FROM cases_case c JOIN cases_post p ON p.id = c.post_id JOIN cases_decision d ON d.id = (
        SELECT one.id FROM cases_decision one
        WHERE one.case_id = c.id AND one.undoes_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM cases_decision undoing WHERE undoing.undoes_id = one.id)
        ORDER BY one.at DESC, one.id DESC LIMIT 1
    )
    WHERE c.state IN ('decided', 'closed') AND NOT c.practice AND c.gold_for_id IS NULL
"""
TIMES = {  # days of Asia/Tokyo, and seconds whose fractions are cut off before
    "sqlite": {
        "day": "date(substr(d.at, 1, 19), '+9 hours')",
        "opened_on": "date(substr(c.opened_at, 1, 19), '+9 hours')",
        "waited": "CAST(round((julianday(substr(d.at, 1, 19)) - julianday(substr(c.opened_at, 1, 19))) * 86400) AS INTEGER)",
    },
    "postgresql": {
        "day": "(d.at AT TIME ZONE 'Asia/Tokyo')::date",
        "opened_on": "(c.opened_at AT TIME ZONE 'Asia/Tokyo')::date",
        "waited": "floor(extract(epoch from d.at))::bigint - floor(extract(epoch from c.opened_at))::bigint",
    },
}
OF_CASE = (
    *("state", "practice", "gold_for_id", "organisation_id", "source_id", "post_id"),
    *("prefecture", "origin", "category", "opened_at", "decide_by"),
)
OF_DECISION = ("case_id", "at", "verdict", "category", "hotline_class", "at_risk", "undoes_id")
CHANGED = " OR ".join(f"OLD.{one} IS DISTINCT FROM NEW.{one}" for one in OF_CASE)
WHEN = {  # by trigger: what happens, to which cases, and under which condition
    "standing_insert": ("INSERT ON cases_decision", "id = NEW.case_id", ""),
    "standing_update": (
        f"UPDATE OF {', '.join(OF_DECISION)} ON cases_decision",
        "id IN (OLD.case_id, NEW.case_id)",
        "",
    ),
    "standing_delete": ("DELETE ON cases_decision", "id = OLD.case_id", ""),
    "standing_case": (
        f"UPDATE OF {', '.join(OF_CASE)} ON cases_case",
        "id = NEW.id",
        f"({CHANGED}) AND (OLD.state IN ('decided', 'closed') OR NEW.state IN ('decided', 'closed'))",
    ),
    "standing_post": (
        "UPDATE OF network ON cases_post",
        "post_id = NEW.id",
        "OLD.network IS DISTINCT FROM NEW.network",
    ),
}


def follow(apps, schema_editor):
    """Makes the triggers, and the rows of what stands already; those that are there are made anew."""
    unfollow(apps, schema_editor)
    vendor = schema_editor.connection.vendor
    fill = FILL.format(**TIMES[vendor])
    for name, (what, cases, condition) in WHEN.items():
        anew = (
            f"DELETE FROM cases_standing WHERE case_id IN (SELECT id FROM cases_case WHERE {cases});"  # noqa: S608
            f" {fill} AND c.{cases};"
        )
        when = f"WHEN ({condition})" if condition else ""
        if vendor == "sqlite":  # which says IS NOT
            when = when.replace("IS DISTINCT FROM", "IS NOT")
            schema_editor.execute(f"CREATE TRIGGER {name} AFTER {what} FOR EACH ROW {when} BEGIN {anew} END")
            continue
        schema_editor.execute(
            f"CREATE FUNCTION cases_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {anew} RETURN NULL; END $$"
        )
        schema_editor.execute(f"CREATE TRIGGER {name} AFTER {what} FOR EACH ROW {when} EXECUTE FUNCTION cases_{name}()")
    schema_editor.execute("DELETE FROM cases_standing")
    schema_editor.execute(fill)


def unfollow(apps, schema_editor):
    for name, (what, *_rest) in WHEN.items():
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")
        else:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {what.rpartition(' ')[2]}")
            schema_editor.execute(f"DROP FUNCTION IF EXISTS cases_{name}()")


class Migration(migrations.Migration):
    dependencies = [("cases", "0009_count"), ("people", "0002_desk"), ("sources", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="decision", name="decisions_counted"),
        migrations.AddIndex(
            model_name="case", index=models.Index(fields=["state", "opened_at"], name="cases_by_state")
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="cases.case",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("day", models.DateField()),
                ("verdict", models.CharField(max_length=15)),
                ("category", models.CharField(max_length=60)),
                ("hotline_class", models.CharField(max_length=30)),
                ("at_risk", models.BooleanField()),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="sources.source",
                    ),
                ),
                ("network", models.CharField(max_length=60)),
                ("prefecture", models.CharField(max_length=10)),
                ("origin", models.CharField(max_length=10)),
                ("found_as", models.CharField(max_length=60)),
                ("opened_at", models.DateTimeField()),
                ("opened_on", models.DateField()),
                ("waited", models.BigIntegerField()),
                ("in_time", models.BooleanField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=[
                            *("day", "organisation", "verdict", "category", "hotline_class", "source", "network"),
                            *("prefecture", "found_as", "in_time", "waited", "at", "case"),
                        ],
                        name="standing_decided",
                    ),
                    models.Index(
                        fields=["opened_on", "organisation", "origin", "source", "network", "opened_at"],
                        name="standing_opened",
                    ),
                ],
            },
        ),
        migrations.RunPython(follow, unfollow),
    ]
