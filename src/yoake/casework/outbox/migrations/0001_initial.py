import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cases", "0007_hand"),
        ("people", "0002_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Sender",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=30)),
                ("name", models.CharField(max_length=60)),
                ("options", models.JSONField(default=dict)),
                ("sealed", models.BinaryField(default=bytes)),
                ("remote_id", models.CharField(blank=True, default="", max_length=300)),
                ("handle", models.CharField(blank=True, default="", max_length=300)),
                ("tested_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "sends"), ("paused", "paused"), ("ended", "ended")],
                        default="active",
                        max_length=10,
                    ),
                ),
                ("paused_why", models.CharField(blank=True, default="", max_length=20)),
                ("paused_at", models.DateTimeField(null=True)),
                ("problem", models.CharField(blank=True, default="", max_length=300)),
                ("per_hour", models.PositiveIntegerField(default=20)),
                ("per_day", models.PositiveIntegerField(default=100)),
                ("cooldown_s", models.PositiveIntegerField(default=30)),
                ("spread_s", models.PositiveIntegerField(default=30)),
                ("free_at", models.DateTimeField(null=True)),
                ("added_at", models.DateTimeField()),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="senders", to="people.organisation"
                    ),
                ),
                (
                    "paused_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OutboxItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("author_key", models.CharField(blank=True, db_index=True, default="", max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("warning", "warning"),
                            ("correction", "correction"),
                            ("request", "request to a provider"),
                            ("report", "report to an authority"),
                            ("help", "help"),
                            ("answer", "answer"),
                        ],
                        max_length=12,
                    ),
                ),
                ("channel", models.CharField(max_length=30)),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("reply", "public reply"),
                            ("message", "private message"),
                            ("report", "the network's own report"),
                            ("mail", "mail"),
                            ("hand", "by hand"),
                        ],
                        max_length=10,
                    ),
                ),
                ("key", models.CharField(max_length=64, unique=True)),
                ("to", models.JSONField(default=dict)),
                ("body", models.JSONField(default=dict)),
                ("bound", models.CharField(max_length=64)),
                ("drafted_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(null=True)),
                ("second_needed", models.BooleanField(default=False)),
                ("second_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("approved", "approved"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("withdrawn", "withdrawn"),
                            ("stopped", "stopped"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("stopped_why", models.CharField(blank=True, default="", max_length=30)),
                ("tried_at", models.DateTimeField(null=True)),
                ("counted_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("followed_at", models.DateTimeField(null=True)),
                ("remote_id", models.CharField(blank=True, default="", max_length=500)),
                ("remote_url", models.CharField(blank=True, default="", max_length=500)),
                ("withdraw_asked_at", models.DateTimeField(null=True)),
                ("withdraw_why", models.CharField(blank=True, default="", max_length=30)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("remove_after_s", models.PositiveIntegerField(null=True)),
                ("remove_at", models.DateTimeField(null=True)),
                ("also", models.ManyToManyField(related_name="+", to="cases.case")),
                (
                    "approved_by",
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
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="outbox", to="cases.case"
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="outbox.outboxitem",
                    ),
                ),
                (
                    "drafted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outbox", to="people.organisation"
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.post"
                    ),
                ),
                (
                    "second_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "sent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "withdraw_asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "sender",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="items", to="outbox.sender"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Standstill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "ended_by",
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="standstills",
                        to="people.organisation",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.UniqueConstraint(fields=("organisation", "name"), name="one_sender_a_name"),
        ),
        migrations.AddIndex(
            model_name="outboxitem",
            index=models.Index(fields=["sender", "counted_at"], name="outbox_quota"),
        ),
        migrations.AddIndex(
            model_name="outboxitem",
            index=models.Index(fields=["organisation", "state", "-drafted_at"], name="outbox_by_state"),
        ),
        migrations.AddIndex(
            model_name="outboxitem",
            index=models.Index(
                condition=models.Q(("remote_id", ""), _negated=True), fields=["remote_id"], name="outbox_by_remote"
            ),
        ),
        migrations.AddIndex(
            model_name="outboxitem",
            index=models.Index(
                condition=models.Q(("followed_at", None)), fields=["kind", "sent_at"], name="outbox_to_follow"
            ),
        ),
        migrations.AddConstraint(
            model_name="outboxitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("kind", "warning"),
                    models.Q(
                        ("state__in", ("sending", "sent", "withdrawn")),
                        models.Q(("state", "failed"), ("stopped_why", "uncertain")),
                        _connector="OR",
                    ),
                ),
                fields=("post",),
                name="one_warning_a_post",
            ),
        ),
        migrations.AddConstraint(
            model_name="standstill",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("organisation",), name="one_open_standstill"
            ),
        ),
    ]
