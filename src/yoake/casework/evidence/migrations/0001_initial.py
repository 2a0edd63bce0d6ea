import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cases", "0007_hand"),
    ]

    operations = [
        migrations.CreateModel(
            name="MasterKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=16, unique=True)),
                ("made_at", models.DateTimeField()),
                ("retired_at", models.DateTimeField(null=True)),
                ("lost", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("uid", models.UUIDField(default=uuid.uuid4, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("provisional", "captured provisionally"), ("sealed", "sealed"), ("erased", "erased")],
                        default="provisional",
                        max_length=15,
                    ),
                ),
                ("key", models.BinaryField(default=bytes)),
                ("master", models.CharField(blank=True, default="", max_length=16)),
                ("box", models.PositiveIntegerField(default=0)),
                ("captured_at", models.DateTimeField()),
                ("versions", models.JSONField(default=list)),
                ("fetched", models.JSONField(default=dict)),
                ("fetched_at", models.DateTimeField(null=True)),
                ("ask_at", models.DateTimeField(null=True)),
                ("sealed_at", models.DateTimeField(null=True)),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("files", models.PositiveIntegerField(default=0)),
                ("entry", models.PositiveBigIntegerField(default=0)),
                ("stamped_at", models.DateTimeField(null=True)),
                ("stamped_by", models.CharField(blank=True, default="", max_length=200)),
                ("erased_at", models.DateTimeField(null=True)),
                ("erased_why", models.CharField(blank=True, default="", max_length=20)),
                (
                    "case",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="evidence",
                        to="cases.case",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="cases.decision"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ask_at__isnull", False)), fields=["ask_at"], name="evidence_to_ask"
                    )
                ],
            },
        ),
    ]
