"""The table of what stands of decided cases; part of `models.py`."""

from __future__ import annotations

from django.db import models


class Standing(models.Model):
    """What stands of a decided case, for figures: so narrow that a year is one scan of one index.

    One row a case whose decision counts: it is decided or closed, and neither practice nor a copy. Triggers keep it
    (migration 0010), whoever writes cases and decisions; nothing else writes here. Days are those of Asia/Tokyo.
    """

    case = models.OneToOneField("cases.Case", on_delete=models.CASCADE, primary_key=True, related_name="standing")
    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()  # of the decision: the newest that nobody undid
    day = models.DateField()
    verdict = models.CharField(max_length=15)  # as in Decision, and the next three
    category = models.CharField(max_length=60)
    hotline_class = models.CharField(max_length=30)
    at_risk = models.BooleanField()
    source = models.ForeignKey("sources.Source", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    network = models.CharField(max_length=60)
    prefecture = models.CharField(max_length=10)
    origin = models.CharField(max_length=10)
    found_as = models.CharField(max_length=60)  # the case's own category, which set its clock
    opened_at = models.DateTimeField()
    opened_on = models.DateField()
    waited = models.BigIntegerField()  # whole seconds from the opening of the case to the decision
    in_time = models.BooleanField(null=True)  # by the clock of its class; null: there was none

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    *("day", "organisation", "verdict", "category", "hotline_class", "source", "network", "prefecture"),
                    *("found_as", "in_time", "waited", "at", "case"),
                ],
                name="standing_decided",
            ),
            models.Index(
                fields=["opened_on", "organisation", "origin", "source", "network", "opened_at"], name="standing_opened"
            ),
        ]
