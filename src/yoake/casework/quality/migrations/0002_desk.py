import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0006_search"),
        ("people", "0002_desk"),
        ("quality", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rate", "finds far more or far fewer posts than before"),
                    ("scores", "scores are spread differently than before"),
                    ("cues", "finds other words than before"),
                    ("precision", "fewer of the queued posts are confirmed than before"),
                    ("shadow", "the model in shadow cannot be loaded"),
                    ("guard", "something automatic was right too seldom and is off"),
                    ("gold", "a case with a known answer needs a look"),
                    ("changed", "another organisation changes for all what is looked for"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="sample",
            name="verdict",
            field=models.CharField(
                blank=True,
                choices=[
                    ("in_scope", "in scope"),
                    ("not_in_scope", "not in scope"),
                    ("cannot_tell", "cannot tell"),
                    ("duplicate", "duplicate"),
                ],
                default="",
                max_length=15,
            ),
        ),
        migrations.CreateModel(
            name="Gold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("in_scope", "in scope"),
                            ("not_in_scope", "not in scope"),
                            ("cannot_tell", "cannot tell"),
                            ("duplicate", "duplicate"),
                        ],
                        max_length=15,
                    ),
                ),
                ("category", models.CharField(blank=True, default="", max_length=60)),
                ("also", models.JSONField(default=list)),
                ("why", models.TextField(blank=True, default="")),
                ("practice", models.CharField(blank=True, default="", max_length=40)),
                ("at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="gold", to="cases.case"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="gold", to="people.organisation"
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="gold", to="cases.post"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GoldTurn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("given_at", models.DateTimeField()),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("in_scope", "in scope"),
                            ("not_in_scope", "not in scope"),
                            ("cannot_tell", "cannot tell"),
                            ("duplicate", "duplicate"),
                        ],
                        default="",
                        max_length=15,
                    ),
                ),
                ("category", models.CharField(blank=True, default="", max_length=60)),
                ("right", models.BooleanField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "copy",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="cases.case"
                    ),
                ),
                (
                    "drawn_by",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="cases.decision"
                    ),
                ),
                (
                    "gold",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="turns", to="quality.gold"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Precision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("detector", "detector"),
                            ("cue", "cue"),
                            ("together", "cues together"),
                            ("word", "word"),
                        ],
                        max_length=10,
                    ),
                ),
                ("category", models.CharField(max_length=60)),
                ("name", models.CharField(max_length=160)),
                ("double", models.PositiveIntegerField(default=0)),
                ("double_right", models.PositiveIntegerField(default=0)),
                ("single", models.PositiveIntegerField(default=0)),
                ("single_right", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField()),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="precisions", to="people.organisation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Flagged",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("category", models.CharField(max_length=60)),
                ("detector", models.CharField(max_length=60)),
                ("detector_version", models.CharField(max_length=80)),
                ("score", models.FloatField()),
                ("cues", models.JSONField(default=list)),
                ("words", models.JSONField(default=list)),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="flagged", to="cases.decision"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("decision", "category", "detector", "detector_version"), name="one_flag_a_detector"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="gold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)), fields=("organisation", "post"), name="one_gold_a_post"
            ),
        ),
        migrations.AddConstraint(
            model_name="goldturn",
            constraint=models.UniqueConstraint(fields=("gold", "user"), name="one_turn_a_person"),
        ),
        migrations.AddConstraint(
            model_name="precision",
            constraint=models.UniqueConstraint(
                fields=("organisation", "kind", "category", "name"), name="one_precision_a_rule"
            ),
        ),
    ]
