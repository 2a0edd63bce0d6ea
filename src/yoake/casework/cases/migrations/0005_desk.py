import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0004_checks"),
        ("people", "0002_desk"),
        ("sources", "0002_permissions_and_plans"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountLease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("taken_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Advice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField()),
                ("question", models.TextField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("answer", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("taken_at", models.DateTimeField()),
                ("extended", models.PositiveIntegerField(default=0)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "how",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("decided", "decided"),
                            ("released", "released"),
                            ("skipped", "skipped"),
                            ("expired", "expired"),
                            ("handed_on", "handed on"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Comparison",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Guard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                ("on", models.BooleanField(default=True)),
                ("bar", models.FloatField()),
                ("measured", models.FloatField(null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("n", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField()),
                ("measured_at", models.DateTimeField(null=True)),
                ("note", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("account", "account"),
                            ("contact", "contact id"),
                            ("phone", "telephone number"),
                            ("url", "web address"),
                        ],
                        max_length=10,
                    ),
                ),
                ("key", models.CharField(db_index=True, max_length=64)),
                ("sealed", models.BinaryField()),
                ("placed_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="HoldKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(db_index=True, max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("placed_at", models.DateTimeField()),
                ("ground", models.CharField(max_length=20)),
                ("until", models.DateTimeField(null=True)),
                ("lifted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("text", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Received",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True)),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("form", "form"),
                            ("list", "pasted list"),
                            ("csv", "CSV file"),
                            ("xlsx", "XLSX file"),
                            ("picture", "picture"),
                            ("bookmarklet", "bookmarklet"),
                        ],
                        max_length=20,
                    ),
                ),
                ("lines", models.PositiveIntegerField(default=0)),
                ("opened", models.PositiveIntegerField(default=0)),
                ("there", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ReceivedLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("number", models.PositiveIntegerField()),
                ("url", models.TextField(blank=True, default="")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("opened", "opened"), ("there", "already there"), ("refused", "not added")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("why", models.TextField(blank=True, default="")),
                ("same_as", models.PositiveIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RemovalConsent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField()),
                ("consented_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("shared", models.BooleanField(default=False)),
                ("filters", models.JSONField(default=dict)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_text",
                        serialize=False,
                        to="cases.case",
                    ),
                ),
                ("words", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="SecondReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("category", "the category demands it"),
                            ("minor", "the author may be a minor"),
                            ("lot", "drawn by lot"),
                        ],
                        max_length=10,
                    ),
                ),
                ("drawn", models.BooleanField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for a second person"),
                            ("agreed", "both judged alike"),
                            ("disagreed", "waits for a supervisor"),
                            ("settled", "settled by a supervisor"),
                            ("lapsed", "lapsed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("verdict", models.CharField(blank=True, default="", max_length=15)),
                ("category", models.CharField(blank=True, default="", max_length=60)),
                ("also", models.JSONField(default=list)),
                ("reason", models.TextField(blank=True, default="")),
                ("elements", models.JSONField(default=list)),
                ("at", models.DateTimeField(null=True)),
                ("final_verdict", models.CharField(blank=True, default="", max_length=15)),
                ("final_category", models.CharField(blank=True, default="", max_length=60)),
                ("final_also", models.JSONField(default=list)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Stop",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("key", models.CharField(max_length=64, unique=True)),
                ("address_key", models.CharField(blank=True, db_index=True, default="", max_length=64)),
                ("at", models.DateTimeField()),
                ("sealed", models.BinaryField(default=bytes)),
                ("cleaned_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="one_case_an_organisation",
        ),
        migrations.RemoveIndex(
            model_name="case",
            name="inbox_order",
        ),
        migrations.RemoveField(
            model_name="case",
            name="weight",
        ),
        migrations.AddField(
            model_name="case",
            name="assignee",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="assigned_cases",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="decide_by",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="folded_into",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="folded", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="gold_for",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="minor",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="case",
            name="prefecture",
            field=models.CharField(blank=True, default="", max_length=10),
        ),
        migrations.AddField(
            model_name="case",
            name="rank",
            field=models.FloatField(default=0),
        ),
        migrations.AddField(
            model_name="decision",
            name="batch",
            field=models.CharField(blank=True, default="", max_length=36),
        ),
        migrations.AddField(
            model_name="decision",
            name="duplicate_of",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="duplicates", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="elements",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="judgeanswer",
            name="about",
            field=models.CharField(blank=True, db_index=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="post",
            name="keyed",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="post",
            name="stopped_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="postversion",
            name="organisation",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organisation"
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="verdict",
            field=models.CharField(
                blank=True,
                choices=[
                    ("in_scope", "in scope"),
                    ("not_in_scope", "not in scope"),
                    ("cannot_tell", "cannot tell"),
                    ("duplicate", "duplicate"),
                ],
                max_length=15,
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("folded_into", None)),
                fields=[
                    "organisation",
                    "practice",
                    "state",
                    "-at_risk",
                    "-rank",
                    "id",
                    "category",
                    "grade",
                    "prefecture",
                    "source",
                    "assignee",
                    "origin",
                    "opened_at",
                    "decide_by",
                    "changed_at",
                    "gold_for",
                    "folded_into",
                ],
                name="inbox_order",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("folded_into", None)),
                fields=[
                    "organisation",
                    "practice",
                    "state",
                    "category",
                    "-at_risk",
                    "-rank",
                    "id",
                    "gold_for",
                    "folded_into",
                ],
                name="inbox_category",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("folded_into", None)),
                fields=["organisation", "practice", "state", "decide_by", "gold_for", "folded_into"],
                name="inbox_due",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("folded_into", None)),
                fields=["organisation", "practice", "state", "-at_risk", "id", "gold_for", "folded_into"],
                name="inbox_age",
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["-at", "-id"], name="decisions_newest"),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["case", "-at", "-id"], name="decisions_of_case"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(condition=models.Q(("keyed", False)), fields=["id"], name="posts_to_key"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(
                condition=models.Q(("gold_for", None)), fields=("post", "organisation"), name="one_case_an_organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(fields=("post", "organisation", "gold_for"), name="one_copy_a_person"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("at_risk", False), ("folded_into", None), _connector="OR"),
                name="nobody_at_risk_is_folded",
            ),
        ),
        migrations.AddField(
            model_name="accountlease",
            name="account",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="lease", to="cases.account"
            ),
        ),
        migrations.AddField(
            model_name="accountlease",
            name="organisation",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="people.organisation"),
        ),
        migrations.AddField(
            model_name="accountlease",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="advice",
            name="answered_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="advice",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="advice",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="advices", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="claims", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="case",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="comparison", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cases.postversion"
            ),
        ),
        migrations.AddField(
            model_name="guard",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="guards", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="guard",
            name="switched_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="lifted_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="holds", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="placed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="holdkey",
            name="account",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="hold_keys", to="cases.account"
            ),
        ),
        migrations.AddField(
            model_name="holdkey",
            name="post",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="hold_keys", to="cases.post"
            ),
        ),
        migrations.AddField(
            model_name="legalhold",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="legal_holds", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="legalhold",
            name="lifted_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="legalhold",
            name="placed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="note",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="note",
            name="case",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="notes", to="cases.case"),
        ),
        migrations.AddField(
            model_name="received",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="received", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="received",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="receivedline",
            name="case",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="received_lines", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="receivedline",
            name="received",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="each", to="cases.received"
            ),
        ),
        migrations.AddField(
            model_name="removalconsent",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="removalconsent",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="removal_consents", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="removalconsent",
            name="consented_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="saved_views", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="saved_views", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="secondreview",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="secondreview",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reviews", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="secondreview",
            name="first",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="review", to="cases.decision"
            ),
        ),
        migrations.AddField(
            model_name="secondreview",
            name="settled_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="secondreview",
            name="version",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="cases.postversion"
            ),
        ),
        migrations.AddField(
            model_name="stop",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="stop",
            name="organisation",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="stops", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="stop",
            name="post",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="stop", to="cases.post"
            ),
        ),
        migrations.AddField(
            model_name="post",
            name="url_start",
            field=models.GeneratedField(
                db_index=True,
                db_persist=True,
                expression=django.db.models.functions.text.Left("url", 200),
                output_field=models.CharField(max_length=200),
            ),
        ),
        migrations.AddConstraint(
            model_name="guard",
            constraint=models.UniqueConstraint(fields=("organisation", "name"), name="one_guard_of_a_name"),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(condition=models.Q(("lifted_at", None)), fields=["expires_at"], name="holds_in_force"),
        ),
        migrations.AddConstraint(
            model_name="holdkey",
            constraint=models.UniqueConstraint(fields=("post", "key"), name="one_hold_key_a_post"),
        ),
        migrations.AddConstraint(
            model_name="holdkey",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_hold_key_an_account"),
        ),
        migrations.AddConstraint(
            model_name="receivedline",
            constraint=models.UniqueConstraint(fields=("received", "number"), name="one_line_a_number"),
        ),
        migrations.AddIndex(
            model_name="secondreview",
            index=models.Index(fields=["state", "case"], name="cases_secon_state_ed2961_idx"),
        ),
        migrations.AddIndex(
            model_name="secondreview",
            index=models.Index(fields=["by", "closed_at"], name="cases_secon_by_id_72d207_idx"),
        ),
    ]
