from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yoake.casework.cases.models import Case
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User


class Report(models.Model):
    """A report to one body about one case. Whether it went says its outbox item; what they answered stands here."""

    class Medium(models.TextChoices):
        DISC = "disc", _("disc")
        USB = "usb", _("USB memory")
        PAPER = "paper", _("paper")
        LINE = "line", _("line between offices")
        FORM = "form", _("web form")
        MAIL = "mail", _("mail")

    class Result(models.TextChoices):
        ACCEPTED = "accepted", pgettext_lazy("result", "taken up")
        KNOWN = "known", pgettext_lazy("result", "known there already")
        FORWARDED = "forwarded", pgettext_lazy("result", "passed on to another body")
        PURSUED = "pursued", pgettext_lazy("result", "led to measures")
        DECLINED = "declined", pgettext_lazy("result", "not taken up")
        OTHER = "other", pgettext_lazy("result", "other")

    item = models.OneToOneField(OutboxItem, on_delete=models.CASCADE, related_name="report")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="reports")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="reports")
    recipient = models.CharField(max_length=30)  # file of the shelf recipients/
    body = models.CharField(max_length=60)  # slug in the registers
    why = models.JSONField(default=list)  # why this body: rows of recipient.Reason, without words of the post
    urgent = models.BooleanField(default=False)
    medium = models.CharField(
        max_length=10, choices=Medium.choices, blank=True, default=""
    )  # "" until it was handed over
    receipt = models.CharField(max_length=60, blank=True, default="")  # number that the recipient gave
    acknowledged_at = models.DateTimeField(null=True)  # when they said that they have it
    acknowledged_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who wrote it down
    result = models.CharField(max_length=10, choices=Result.choices, blank=True, default="")
    result_at = models.DateTimeField(null=True)
    result_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.TextField(blank=True, default="")  # what they said beside; goes with the post's words

    class Meta:
        indexes = [models.Index(fields=["organisation", "-id"], name="reports_newest")]


class EmergencyCall(models.Model):
    """What a person did first where somebody may be in danger: they called, or saw that there is no danger now."""

    class How(models.TextChoices):
        CALLED_110 = "called_110", _("called 110")
        FORCE = "force", _("told the force's own emergency desk")
        NO_DANGER = "no_danger", _("saw that nobody is in danger now")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="emergency_calls")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="emergency_calls")
    how = models.CharField(max_length=12, choices=How.choices)
    reference = models.CharField(max_length=60, blank=True, default="")  # number that was given on the telephone
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    minutes = models.PositiveIntegerField()  # whole minutes since the case was opened
