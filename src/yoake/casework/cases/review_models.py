"""The tables of judging twice, and what keeps copies with a known answer out of everybody's way; part of `models.py`."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.people.models import Organisation, User


class OrdinaryCases(models.Manager[Any]):
    """All cases but the copies with a known answer: whoever counts, searches or learns never meets one by accident."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Those that are nobody's trial."""
        return super().get_queryset().filter(gold_for=None)


class SecondReview(models.Model):
    """A second person's judgement of a decided case, blind to the first: asked for, given, and where they differ settled.

    Demanded ones hold the case in the state second_review until they are closed; of those drawn by lot the decision
    stands meanwhile. The row stays whatever comes of it; a reason goes with the post's words.
    """

    class Why(models.TextChoices):
        CATEGORY = "category", _("the category demands it")
        MINOR = "minor", _("the author may be a minor")
        LOT = "lot", _("drawn by lot")

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a second person")
        AGREED = "agreed", _("both judged alike")
        DISAGREED = "disagreed", _("waits for a supervisor")
        SETTLED = "settled", _("settled by a supervisor")
        LAPSED = (
            "lapsed",
            _("lapsed"),
        )  # the first decision was taken back, or the post went, before anybody reviewed it

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="reviews")
    first = models.OneToOneField("cases.Decision", on_delete=models.CASCADE, related_name="review")
    why = models.CharField(max_length=10, choices=Why.choices)
    drawn = models.BooleanField()  # the lot chose it too: these alone are a fair draw of all decisions
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField()
    # What the second person judged, and of which version.
    version = models.ForeignKey("cases.PostVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    verdict = models.CharField(max_length=15, blank=True, default="")
    category = models.CharField(max_length=60, blank=True, default="")
    also = models.JSONField(default=list)
    reason = models.TextField(blank=True, default="")
    elements = models.JSONField(default=list)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(null=True)
    # What holds in the end.
    final_verdict = models.CharField(max_length=15, blank=True, default="")
    final_category = models.CharField(max_length=60, blank=True, default="")
    final_also = models.JSONField(default=list)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "case"]), models.Index(fields=["by", "closed_at"])]


class Guard(models.Model):
    """Something automatic that switches itself off when it is right too seldom. Without a row it is on.

    `folding`, `priority`, or `word:<category>:<key>` of a word that people let the judge know.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="guards")
    name = models.CharField(max_length=120)
    on = models.BooleanField(default=True)
    bar = models.FloatField()  # share that must be right
    measured = models.FloatField(null=True)  # share that was right; null: nothing measured
    low = models.FloatField(null=True)  # its interval of 95 %
    high = models.FloatField(null=True)
    n = models.PositiveIntegerField(default=0)  # double-reviewed items it was measured on
    since = models.DateTimeField()  # it is as it is since then; only what was decided later counts for it
    measured_at = models.DateTimeField(null=True)
    switched_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # null: by itself
    note = models.TextField(blank=True, default="")  # why a person switched it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="one_guard_of_a_name")]
