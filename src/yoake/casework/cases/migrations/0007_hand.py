import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def mark_at_risk(apps, schema_editor):
    """Decisions taken before carry the mark too; the slugs are those that were about people who need help by then."""
    decisions = apps.get_model("cases", "Decision").objects.exclude(category="")
    helped = {"coerced_applicant", "crime_job_seeker", "runaway_at_risk"}
    found = [
        key for key, category, also in decisions.values_list("pk", "category", "also") if helped & {category, *also}
    ]
    for first in range(0, len(found), 500):
        decisions.filter(pk__in=found[first : first + 500]).update(at_risk=True)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0006_search"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Outcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("of", models.CharField(choices=[("post", "post"), ("account", "account")], max_length=10)),
                ("seen", models.CharField(max_length=30)),
                ("step", models.CharField(blank=True, default="", max_length=20)),
                ("at", models.DateTimeField()),
                (
                    "what",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("gone_before", "gone before anybody acted"),
                            ("removed", "removed"),
                            ("suspended", "account suspended"),
                            ("hidden", "hidden"),
                            ("refused", "refused"),
                            ("still_up", "still up"),
                            ("unreachable", "nobody answers"),
                        ],
                        default="",
                        max_length=12,
                    ),
                ),
                ("act", models.CharField(blank=True, default="", max_length=12)),
                ("act_at", models.DateTimeField(null=True)),
                ("elapsed_s", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Preservation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("changes", models.PositiveIntegerField(default=0)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="at_risk",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(condition=models.Q(("at_risk", True)), fields=["case", "at"], name="decisions_at_risk"),
        ),
        migrations.AddField(
            model_name="outcome",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="outcomes", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="outcome",
            name="check_row",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="outcomes", to="cases.check"
            ),
        ),
        migrations.AddField(
            model_name="preservation",
            name="case",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="preservation", to="cases.case"
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(fields=["case", "-at"], name="outcomes_of_case"),
        ),
        migrations.AddConstraint(
            model_name="outcome",
            constraint=models.UniqueConstraint(
                condition=models.Q(("check_row__isnull", False)), fields=("check_row", "of"), name="one_outcome_a_check"
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="folded_into",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="folded",
                to="cases.case",
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="gold_for",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="organisation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cases",
                to="people.organisation",
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="undoes",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="undone_by",
                to="cases.decision",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("folded_into__isnull", False)), fields=["folded_into"], name="folded_cases"
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("gold_for__isnull", False)), fields=["gold_for"], name="copies_of_cases"
            ),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(
                condition=models.Q(("outcome", ""), models.Q(("hand", ""), _negated=True)),
                fields=["due_at"],
                name="checks_by_hand",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undoes__isnull", False)), fields=("undoes",), name="undone_once"
            ),
        ),
        migrations.RunPython(mark_at_risk, migrations.RunPython.noop, elidable=True),
    ]
