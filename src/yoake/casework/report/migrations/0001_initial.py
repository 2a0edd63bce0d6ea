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
            name="EmergencyCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("called_110", "called 110"),
                            ("force", "told the force's own emergency desk"),
                            ("no_danger", "saw that nobody is in danger now"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reference", models.CharField(blank=True, default="", max_length=60)),
                ("at", models.DateTimeField()),
                ("minutes", models.PositiveIntegerField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="emergency_calls", to="cases.case"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="emergency_calls",
                        to="people.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Report",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recipient", models.CharField(max_length=30)),
                ("body", models.CharField(max_length=60)),
                ("why", models.JSONField(default=list)),
                ("urgent", models.BooleanField(default=False)),
                (
                    "medium",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("disc", "disc"),
                            ("usb", "USB memory"),
                            ("paper", "paper"),
                            ("line", "line between offices"),
                            ("form", "web form"),
                            ("mail", "mail"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("receipt", models.CharField(blank=True, default="", max_length=60)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                (
                    "result",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("accepted", "taken up"),
                            ("known", "known there already"),
                            ("forwarded", "passed on to another body"),
                            ("pursued", "led to measures"),
                            ("declined", "not taken up"),
                            ("other", "other"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("result_at", models.DateTimeField(null=True)),
                ("note", models.TextField(blank=True, default="")),
                (
                    "acknowledged_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="reports", to="cases.case"
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="report", to="outbox.outboxitem"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reports", to="people.organisation"
                    ),
                ),
                (
                    "result_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organisation", "-id"], name="reports_newest")],
            },
        ),
    ]
