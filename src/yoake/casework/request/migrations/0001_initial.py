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
            name="Mailbox",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("uid_validity", models.PositiveBigIntegerField(default=0)),
                ("last_uid", models.PositiveBigIntegerField(default=0)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "sender",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="mailbox", to="outbox.sender"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body", models.CharField(blank=True, default="", max_length=60)),
                (
                    "sort",
                    models.CharField(
                        choices=[("reply", "answer"), ("bounce", "undeliverable"), ("automatic", "automatic reply")],
                        default="reply",
                        max_length=10,
                    ),
                ),
                ("status", models.CharField(blank=True, default="", max_length=20)),
                ("mail_key", models.CharField(max_length=64)),
                ("message_id", models.CharField(blank=True, default="", max_length=500)),
                ("references", models.TextField(blank=True, default="")),
                ("from_address", models.CharField(blank=True, default="", max_length=300)),
                ("subject", models.CharField(blank=True, default="", max_length=300)),
                ("text", models.TextField(blank=True, default="")),
                ("attachments", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "item",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="answers",
                        to="outbox.outboxitem",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="people.organisation"
                    ),
                ),
                (
                    "read_by",
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
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="outbox.sender",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("read_at", None)), fields=["organisation", "-id"], name="answers_to_read"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("organisation", "mail_key"), name="one_answer_a_mail")],
            },
        ),
        migrations.CreateModel(
            name="NoRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("gone", "the post is gone"),
                            ("police_wait", "the police asked to wait"),
                            ("abroad", "hosted abroad: a partner hotline is told"),
                            ("no_contact", "the provider cannot be reached"),
                            ("duplicate", "requested with another case already"),
                            ("other", "another reason"),
                        ],
                        max_length=12,
                    ),
                ),
                ("body", models.CharField(blank=True, default="", max_length=60)),
                ("note", models.CharField(blank=True, default="", max_length=200)),
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="no_requests", to="cases.case"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="no_requests",
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
                        condition=models.Q(("withdrawn_at", None)), fields=("case",), name="one_no_request_a_case"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Request",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("kind", models.CharField(max_length=20)),
                ("body", models.CharField(max_length=60)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("first", "first request"),
                            ("second", "second request, after a refusal"),
                            ("extension", "extension"),
                            ("withdrawal", "withdrawal"),
                        ],
                        default="first",
                        max_length=12,
                    ),
                ),
                ("preservation", models.CharField(blank=True, default="", max_length=12)),
                ("more", models.JSONField(default=dict)),
                ("receipt", models.CharField(blank=True, default="", max_length=60)),
                ("started_at", models.DateTimeField(null=True)),
                ("answer_by", models.DateTimeField(null=True)),
                ("claimed_on", models.DateTimeField(null=True)),
                ("overdue_at", models.DateTimeField(null=True)),
                ("reminded_at", models.DateTimeField(null=True)),
                ("escalated_at", models.DateTimeField(null=True)),
                ("taken_up_at", models.DateTimeField(null=True)),
                ("term_days", models.PositiveIntegerField(null=True)),
                ("until", models.DateTimeField(null=True)),
                ("ending_at", models.DateTimeField(null=True)),
                (
                    "meaning",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("removed", "removed or done"),
                            ("refused", "refused"),
                            ("asks_back", "asks back"),
                            ("received", "only says that it arrived"),
                            ("bounced", "did not arrive there"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("meant_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("written_back_at", models.DateTimeField(null=True)),
                ("note", models.TextField(blank=True, default="")),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="requests", to="cases.case"
                    ),
                ),
                (
                    "claimed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "follows",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="followed_by",
                        to="request.request",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="requests", to="outbox.outboxitem"
                    ),
                ),
                (
                    "meant_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="requests", to="people.organisation"
                    ),
                ),
                (
                    "reminder",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminds",
                        to="outbox.outboxitem",
                    ),
                ),
                (
                    "taken_up_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organisation", "-id"], name="requests_newest"),
                    models.Index(
                        condition=models.Q(("ended_at", None), ("started_at", None)),
                        fields=["id"],
                        name="requests_to_start",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at", None), ("reminded_at", None), ("reminder__isnull", False)),
                        fields=["id"],
                        name="requests_to_remind",
                    ),
                    models.Index(
                        condition=models.Q(("meaning", "asks_back"), ("written_back_at", None)),
                        fields=["id"],
                        name="requests_asked_back",
                    ),
                    models.Index(fields=["organisation", "body", "started_at"], name="requests_of_body"),
                ],
            },
        ),
    ]
