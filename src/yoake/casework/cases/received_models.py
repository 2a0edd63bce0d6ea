"""The tables of what people hand in; part of `models.py`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.due import Due
from yoake.casework.people.models import Organisation, User


class Received(models.Model):
    """What people handed in at once (a list of addresses, a file, a picture) and what became of each line; counts stay."""

    class How(models.TextChoices):
        FORM = "form", _("form")
        LIST = "list", _("pasted list")
        CSV = "csv", _("CSV file")
        XLSX = "xlsx", _("XLSX file")
        PICTURE = "picture", _("picture")
        BOOKMARKLET = "bookmarklet", _("bookmarklet")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="received")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_index=True)
    how = models.CharField(max_length=20, choices=How.choices)
    lines = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)  # became a case, or brought a closed one back
    there = models.PositiveIntegerField(default=0)  # were cases already
    refused = models.PositiveIntegerField(default=0)


class ReceivedLine(Due):
    """One line of what was handed in. `due_at` is when the worker adds it, and later when its address goes.

    The row itself stays, without the address: what became of the case is counted from here.
    """

    class Outcome(models.TextChoices):
        OPENED = "opened", _("opened")
        THERE = "there", _("already there")
        REFUSED = "refused", _("not added")

    received = models.ForeignKey(Received, on_delete=models.CASCADE, related_name="each")
    number = models.PositiveIntegerField()  # the line or row in the list, from 1
    url = models.TextField(blank=True, default="")  # as it was handed in; only until a case has it, or 72 hours
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")  # "" until it was added
    why = models.TextField(blank=True, default="")  # of a refused line: what is accepted
    same_as = models.PositiveIntegerField(null=True)  # an earlier line of the list with the same address
    case = models.ForeignKey("cases.Case", on_delete=models.SET_NULL, null=True, related_name="received_lines")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["received", "number"], name="one_line_a_number")]
