import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0002_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Body",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.CharField(max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("prefectural_police", "prefectural police"),
                            ("labour_bureau", "labour bureau"),
                            ("hotline", "hotline"),
                            ("partner_hotline", "partner hotline abroad"),
                            ("operator", "designated operator"),
                            ("network", "network or provider"),
                            ("consultation", "consultation desk"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name_ja", models.CharField(max_length=100)),
                ("name_en", models.CharField(max_length=100)),
                ("prefecture", models.CharField(blank=True, default="", max_length=10)),
                ("country", models.CharField(default="JP", max_length=2)),
                ("language", models.CharField(default="ja", max_length=2)),
                ("networks", models.JSONField(default=list)),
                ("hosts", models.JSONField(default=list)),
                ("at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="bodies", to="people.organisation"
                    ),
                ),
                (
                    "removed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("organisation", "slug"), name="one_body_a_slug")],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body", models.CharField(max_length=60)),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("email", "mail address"),
                            ("form", "web form"),
                            ("address", "postal address"),
                            ("telephone", "telephone"),
                            ("public_key", "public key for evidence"),
                            ("terms", "term that posts break"),
                        ],
                        max_length=10,
                    ),
                ),
                ("value", models.TextField()),
                ("at", models.DateTimeField()),
                ("source", models.CharField(blank=True, default="", max_length=300)),
                ("checked_on", models.DateField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="contacts", to="people.organisation"
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organisation", "body", "way", "-id"], name="contacts_newest")],
            },
        ),
        migrations.CreateModel(
            name="OfficialAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body", models.CharField(blank=True, default="", max_length=60)),
                ("name", models.CharField(max_length=100)),
                ("network", models.CharField(max_length=60)),
                ("handle", models.CharField(max_length=300)),
                ("native_id", models.CharField(blank=True, default="", max_length=300)),
                ("source", models.CharField(max_length=300)),
                ("checked_on", models.DateField()),
                ("at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="official_accounts",
                        to="people.organisation",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at", None)),
                        fields=("organisation", "network", "handle"),
                        name="one_official_account",
                    )
                ],
            },
        ),
    ]
