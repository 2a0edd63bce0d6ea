from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yoake.casework.cases.models import Case, Post
from yoake.casework.due import Due
from yoake.casework.people.models import Organisation, User


class Sender(models.Model):
    """An account or a mailbox that speaks for an organisation over one channel, with its limits."""

    class State(models.TextChoices):
        ACTIVE = "active", _("sends")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="senders")
    channel = models.CharField(max_length=30)  # name of a file in channels/
    name = models.CharField(max_length=60)  # what people here call it
    options = models.JSONField(default=dict)  # what is no secret: server, user name; see Channel.fields
    sealed = models.BinaryField(default=bytes)  # passwords and tokens, encrypted; see secrets.py
    remote_id = models.CharField(max_length=300, blank=True, default="")  # who it is there, as the service said last
    handle = models.CharField(max_length=300, blank=True, default="")
    tested_at = models.DateTimeField(null=True)  # when the service last said who it is
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    # untested, by_hand; of the service: frozen (it took the account away), blocked, unauthorised (the secret is not taken any more)
    paused_why = models.CharField(max_length=20, blank=True, default="")
    paused_at = models.DateTimeField(null=True)
    paused_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # null: the worker
    problem = models.CharField(max_length=300, blank=True, default="")  # one sentence of the service
    per_hour = models.PositiveIntegerField(default=20)  # in any 60 minutes; also what failed counts
    per_day = models.PositiveIntegerField(default=100)  # in any 24 hours
    cooldown_s = models.PositiveIntegerField(default=30)  # at least so long between two
    spread_s = models.PositiveIntegerField(default=30)  # and up to so much more, so that nothing leaves to the beat
    free_at = models.DateTimeField(null=True)  # nothing leaves before: cool-down, or the service asked to wait
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="one_sender_a_name")]


class OutboxItem(Due):
    """One thing that leaves, or shall: what, over which channel, to whom, who approved it, and what came of it.

    While `due_at` is set, the worker has something to do: to send it, to look up whether it went, to take it back.
    """

    class Kind(models.TextChoices):
        WARNING = "warning", _("warning")
        CORRECTION = "correction", _("correction")
        REQUEST = "request", _("request to a provider")
        REPORT = "report", _("report to an authority")
        HELP = "help", _("help")
        ANSWER = "answer", _("answer")

    class Way(models.TextChoices):
        REPLY = "reply", _("public reply")
        MESSAGE = "message", _("private message")
        REPORT = "report", _("the network's own report")
        MAIL = "mail", _("mail")
        HAND = "hand", _("by hand")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        WITHDRAWN = "withdrawn", _("withdrawn")
        STOPPED = "stopped", pgettext_lazy("something to be sent", "stopped")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="outbox")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="outbox")  # null: an answer
    also = models.ManyToManyField(Case, related_name="+")  # further cases that one mail to a provider speaks of
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, related_name="+")  # of the case
    author_key = models.CharField(max_length=64, blank=True, default="", db_index=True)  # keyed hash of its author
    kind = models.CharField(max_length=12, choices=Kind.choices)
    channel = models.CharField(max_length=30)
    way = models.CharField(max_length=10, choices=Way.choices)
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, null=True, related_name="items")  # null: by hand
    key = models.CharField(max_length=64, unique=True)  # idempotency: of it Message-ID, record key, header are made
    to = models.JSONField(default=dict)  # what the channel addresses, see channel.Message
    body = models.JSONField(default=dict)  # what is said, see channel.Message; never changed once it was approved
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="corrections")
    # sha256 over what approvers read: post, author's name and handle, parent, addressee, words; see bound.py
    bound = models.CharField(max_length=64)

    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    second_needed = models.BooleanField(default=False)
    second_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    second_at = models.DateTimeField(null=True)

    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    # of stopped: discarded, taken_back, changed, gone, answered, twice, author, held, forbidden, erased ...; see reasons.py
    # of failed: refused (the other side said no), uncertain (it may have gone: a person decides)
    stopped_why = models.CharField(max_length=30, blank=True, default="")
    tried_at = models.DateTimeField(null=True)  # when it first became `sending`: a look-up begins there
    counted_at = models.DateTimeField(null=True)  # when its sender's quota was last taken
    sent_at = models.DateTimeField(null=True)
    followed_at = models.DateTimeField(null=True)  # when the looks after it were planned; see the duty `outcomes`
    remote_id = models.CharField(max_length=500, blank=True, default="")
    remote_url = models.CharField(max_length=500, blank=True, default="")
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # who did it by hand

    withdraw_asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdraw_asked_at = models.DateTimeField(null=True)
    withdraw_why = models.CharField(max_length=30, blank=True, default="")  # a code, see actions.WITHDRAW_WHY
    withdrawn_at = models.DateTimeField(null=True)
    remove_after_s = models.PositiveIntegerField(null=True)  # a public reply that goes by itself, so long after it went
    remove_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["post"],
                condition=Q(kind="warning")
                & (Q(state__in=("sending", "sent", "withdrawn")) | Q(state="failed", stopped_why="uncertain")),
                name="one_warning_a_post",  # of whichever organisation
            )
        ]
        indexes = [
            models.Index(fields=["sender", "counted_at"], name="outbox_quota"),
            models.Index(fields=["organisation", "state", "-drafted_at"], name="outbox_by_state"),
            models.Index(fields=["remote_id"], condition=~Q(remote_id=""), name="outbox_by_remote"),
            models.Index(fields=["kind", "sent_at"], condition=Q(followed_at=None), name="outbox_to_follow"),
            models.Index(
                fields=["sent_at", "kind", "case"], condition=Q(sent_at__isnull=False), name="outbox_that_went"
            ),  # what figures count
        ]


class Standstill(models.Model):
    """The stop switch: while one is open, nothing of the organisation leaves."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="standstills")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation"], condition=Q(ended_at=None), name="one_open_standstill")
        ]
