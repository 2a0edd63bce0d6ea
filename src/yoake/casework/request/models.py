from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from yoake.casework.cases.models import Case
from yoake.casework.due import Due
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.models import Organisation, User


class Meaning(models.TextChoices):
    """What a provider's answer means, as a person read it."""

    REMOVED = "removed", pgettext_lazy("answer", "removed or done")
    REFUSED = "refused", pgettext_lazy("answer", "refused")
    ASKS_BACK = "asks_back", pgettext_lazy("answer", "asks back")
    RECEIVED = "received", pgettext_lazy("answer", "only says that it arrived")
    BOUNCED = "bounced", pgettext_lazy("answer", "did not arrive there")


class Request(Due):
    """A request to one provider about one case. Whether it went says its outbox item; clocks and answers stand here.

    `due_at`, once it went: when the worker looks at its clock again (reminder, supervisor, end of a preservation).
    """

    class Purpose(models.TextChoices):
        FIRST = "first", pgettext_lazy("request", "first request")
        SECOND = "second", pgettext_lazy("request", "second request, after a refusal")
        EXTENSION = "extension", pgettext_lazy("request", "extension")
        WITHDRAWAL = "withdrawal", pgettext_lazy("request", "withdrawal")

    item = models.ForeignKey(OutboxItem, on_delete=models.CASCADE, related_name="requests")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="requests")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="requests")
    kind = models.CharField(max_length=20)  # file of the shelf kinds/
    body = models.CharField(max_length=60)  # slug of the provider in the registers
    purpose = models.CharField(max_length=12, choices=Purpose.choices, default=Purpose.FIRST)
    follows = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="followed_by")
    # Police say it with every removal: wanted (it went before), not_wanted; "" where nobody is asked.
    preservation = models.CharField(max_length=12, blank=True, default="")
    more = models.JSONField(default=dict)  # grounds beyond wording of a second request: codes and counts, never words
    receipt = models.CharField(max_length=60, blank=True, default="")  # number that the provider's form gave

    started_at = models.DateTimeField(null=True)  # the clock began: it went
    answer_by = models.DateTimeField(null=True)
    claimed_on = models.DateTimeField(null=True)  # a rights claim of the person harmed reached the operator
    claimed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # who wrote it down
    overdue_at = models.DateTimeField(null=True)  # nobody answered in time: a reminder is due
    reminder = models.ForeignKey(OutboxItem, on_delete=models.PROTECT, null=True, related_name="reminds")
    reminded_at = models.DateTimeField(null=True)  # the reminder went
    escalated_at = models.DateTimeField(null=True)  # a supervisor is asked what to do
    taken_up_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    taken_up_at = models.DateTimeField(null=True)

    term_days = models.PositiveIntegerField(null=True)  # of a preservation
    until = models.DateTimeField(null=True)  # a preservation holds until
    ending_at = models.DateTimeField(null=True)  # somebody was told that it ends soon

    meaning = models.CharField(max_length=10, choices=Meaning.choices, blank=True, default="")
    meant_at = models.DateTimeField(null=True)
    meant_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)  # when they said it; null: nobody did, or only that it arrived
    written_back_at = models.DateTimeField(null=True)  # they asked back, and our answer to that went
    note = models.TextField(blank=True, default="")  # what they said beside, in a person's words; goes with the post's
    ended_at = models.DateTimeField(null=True)  # nobody follows it any more: gone, given up, withdrawn, did not arrive

    class Meta:
        indexes = [
            models.Index(fields=["organisation", "-id"], name="requests_newest"),
            models.Index(fields=["id"], condition=Q(started_at=None, ended_at=None), name="requests_to_start"),
            models.Index(
                fields=["id"],
                condition=Q(reminder__isnull=False, reminded_at=None, ended_at=None),
                name="requests_to_remind",
            ),
            models.Index(
                fields=["id"], condition=Q(meaning="asks_back", written_back_at=None), name="requests_asked_back"
            ),
            models.Index(fields=["organisation", "body", "started_at"], name="requests_of_body"),
        ]


class NoRequest(models.Model):
    """Why nothing is requested about a case; part of the figures."""

    class Why(models.TextChoices):
        GONE = "gone", pgettext_lazy("no request", "the post is gone")
        POLICE_WAIT = "police_wait", pgettext_lazy("no request", "the police asked to wait")
        ABROAD = "abroad", pgettext_lazy("no request", "hosted abroad: a partner hotline is told")
        NO_CONTACT = "no_contact", pgettext_lazy("no request", "the provider cannot be reached")
        DUPLICATE = "duplicate", pgettext_lazy("no request", "requested with another case already")
        OTHER = "other", pgettext_lazy("no request", "another reason")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="no_requests")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="no_requests")
    why = models.CharField(max_length=12, choices=Why.choices)
    body = models.CharField(max_length=60, blank=True, default="")  # the partner hotline, where it is hosted abroad
    note = models.CharField(max_length=200, blank=True, default="")  # goes with the post's words
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=Q(withdrawn_at=None), name="one_no_request_a_case")
        ]


class Mailbox(Due):
    """How far the answers of one mailbox were read."""

    sender = models.OneToOneField(Sender, on_delete=models.CASCADE, related_name="mailbox")
    uid_validity = models.PositiveBigIntegerField(default=0)  # RFC 3501: another one means that all ids are new
    last_uid = models.PositiveBigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)


class Answer(models.Model):
    """A mail that a provider, or a mail server, wrote back; a person says what it means."""

    class Sort(models.TextChoices):
        REPLY = "reply", pgettext_lazy("mail", "answer")
        BOUNCE = "bounce", pgettext_lazy("mail", "undeliverable")
        AUTOMATIC = "automatic", pgettext_lazy("mail", "automatic reply")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="answers")
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, null=True, related_name="answers")  # whose mailbox
    item = models.ForeignKey(OutboxItem, on_delete=models.SET_NULL, null=True, related_name="answers")  # null: unknown
    body = models.CharField(max_length=60, blank=True, default="")  # slug of the provider it seems to be from
    sort = models.CharField(max_length=10, choices=Sort.choices, default=Sort.REPLY)
    status = models.CharField(max_length=20, blank=True, default="")  # of a bounce, RFC 3463: 5.1.1
    mail_key = models.CharField(max_length=64)  # sha256 of its Message-ID: the same mail is taken once
    message_id = models.CharField(max_length=500, blank=True, default="")
    references = models.TextField(blank=True, default="")
    from_address = models.CharField(max_length=300, blank=True, default="")
    subject = models.CharField(max_length=300, blank=True, default="")
    text = models.TextField(blank=True, default="")  # the first 20,000 characters, plain
    attachments = models.PositiveIntegerField(default=0)  # how many it had; they stay in the mailbox
    at = models.DateTimeField()  # when it was read
    read_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    read_at = models.DateTimeField(null=True)  # a person said what it means, or that it is about nothing here

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "mail_key"], name="one_answer_a_mail")]
        indexes = [
            models.Index(fields=["organisation", "-id"], condition=Q(read_at=None), name="answers_to_read"),
        ]
