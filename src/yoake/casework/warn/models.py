from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Case
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User
from yoake.casework.wording.models import Letter


class Trial(models.Model):
    """Two letters of a category in one language; while it is open, a keyed lot draws one of them for each case."""

    class Arm(models.TextChoices):
        FIRST = "first", _("first letter")
        SECOND = "second", _("second letter")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="trials")
    category = models.CharField(max_length=60)
    language = models.CharField(max_length=5)
    first = models.ForeignKey(Letter, on_delete=models.PROTECT, null=True, related_name="+")  # null: the shipped one
    second = models.ForeignKey(Letter, on_delete=models.PROTECT, null=True, related_name="+")
    # sha256 of both texts: a shipped letter may change with the program, and then the trial is over
    first_digest = models.CharField(max_length=64)
    second_digest = models.CharField(max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "category", "language"],
                condition=models.Q(ended_at=None),
                name="one_open_trial_a_letter",
            )
        ]


class WarningMessage(models.Model):
    """A warning to one post: from which letter it was made. Whether it went says its outbox item; the words stand there."""

    item = models.OneToOneField(OutboxItem, on_delete=models.CASCADE, related_name="warning")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="warnings")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="warnings")
    category = models.CharField(max_length=60)  # whose letter it is
    language = models.CharField(max_length=5)
    letter = models.ForeignKey(Letter, on_delete=models.PROTECT, null=True, related_name="+")  # null: the shipped one
    letter_digest = models.CharField(max_length=64)  # sha256 of the letter before it was filled in
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, null=True, related_name="warnings")
    arm = models.CharField(max_length=6, choices=Trial.Arm.choices, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["trial", "arm"], name="warnings_of_trial")]
