from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from yoake.casework.cases.models import Case
from yoake.casework.due import Due
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User


class Appeal(Due):
    """What somebody says against a letter. While `due_at` is set, the worker looks for the code in the profile."""

    class Who(models.TextChoices):
        AUTHOR = "author", pgettext_lazy("appeal", "the author of the post")
        THIRD = "third", pgettext_lazy("appeal", "somebody else")

    class Outcome(models.TextChoices):
        UPHELD = "upheld", pgettext_lazy("appeal", "upheld")
        DISMISSED = "dismissed", pgettext_lazy("appeal", "not upheld")
        READ = "read", pgettext_lazy("appeal", "read and kept as a note")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="appeals")
    item = models.ForeignKey(OutboxItem, on_delete=models.PROTECT, related_name="appeals")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="appeals")
    reference = models.CharField(max_length=14, unique=True)  # what the person is told to name it by
    who = models.CharField(max_length=10, choices=Who.choices)  # as they say
    words = models.TextField()
    reply_to = models.CharField(max_length=200, blank=True, default="")  # how they can be reached, as they wrote it
    at = models.DateTimeField()
    proof = models.CharField(max_length=14, blank=True, default="")  # what is to stand in the profile
    prove_by = models.DateTimeField(null=True)  # until when it is looked for
    proved_at = models.DateTimeField(null=True)
    proved_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+"
    )  # null: the worker saw it
    decide_by = models.DateTimeField()  # the queue's clock
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    why = models.TextField(blank=True, default="")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "outcome", "decide_by"], name="appeals_waiting")]
