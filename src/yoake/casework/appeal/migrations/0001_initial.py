import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cases", "0007_hand"),
        ("outbox", "0001_initial"),
        ("people", "0002_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Appeal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("reference", models.CharField(max_length=14, unique=True)),
                (
                    "who",
                    models.CharField(
                        choices=[("author", "the author of the post"), ("third", "somebody else")], max_length=10
                    ),
                ),
                ("words", models.TextField()),
                ("reply_to", models.CharField(blank=True, default="", max_length=200)),
                ("at", models.DateTimeField()),
                ("proof", models.CharField(blank=True, default="", max_length=14)),
                ("prove_by", models.DateTimeField(null=True)),
                ("proved_at", models.DateTimeField(null=True)),
                ("decide_by", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("upheld", "upheld"),
                            ("dismissed", "not upheld"),
                            ("read", "read and kept as a note"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("why", models.TextField(blank=True, default="")),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="cases.case"
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="outbox.outboxitem"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="people.organisation"
                    ),
                ),
                (
                    "proved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organisation", "outcome", "decide_by"], name="appeals_waiting")],
            },
        ),
    ]
