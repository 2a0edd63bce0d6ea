from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yoake.casework.cases.models import Case
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User


class HandOver(models.Model):
    """Help for the person of one case, by one way. Whether it went says its outbox item; who has it now stands here."""

    class How(models.TextChoices):
        DESK = "desk", _("hand-over to a desk")
        NETWORK = "network", _("the network's own safety report")
        MESSAGE = "message", _("private message")
        REPLY = "reply", _("public reply")

    item = models.OneToOneField(OutboxItem, on_delete=models.CASCADE, related_name="hand_over")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="hand_overs")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="hand_overs")
    how = models.CharField(max_length=10, choices=How.choices)
    body = models.CharField(max_length=60, blank=True, default="")  # slug of the desk in the registers
    acknowledged_at = models.DateTimeField(null=True)  # when the desk said that it has it
    acknowledged_who = models.CharField(max_length=60, blank=True, default="")  # who there: a name or number, as told
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # wrote it down

    class Meta:
        indexes = [models.Index(fields=["organisation", "-id"], name="hand_overs_newest")]


class Settled(models.Model):
    """Why nobody is told about a case any more: a supervisor says so, and the clock ends."""

    class Why(models.TextChoices):
        HELPED = "helped", pgettext_lazy("help", "is being helped already")
        KNOWN = "known", pgettext_lazy("help", "the police know of it already")
        NO_WAY = "no_way", pgettext_lazy("help", "there is no way to reach anybody")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="settled_help")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="settled_help")
    why = models.CharField(max_length=10, choices=Why.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
