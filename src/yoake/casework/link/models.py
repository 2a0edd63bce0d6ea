from __future__ import annotations

from django.db import models

from yoake.casework.cases.models import Comparison
from yoake.casework.people.models import User


class Signature(models.Model):
    """What a case's post looks like to the search for near-duplicates: keyed minima, no words. Goes with the words."""

    comparison = models.OneToOneField(Comparison, on_delete=models.CASCADE, primary_key=True, related_name="signature")
    minima = models.BinaryField()  # see alike.packed
    length = models.PositiveIntegerField()  # folded characters but digits and blanks: short texts are only suggested


class Band(models.Model):
    """Some minima of a signature as one number: cases that share one may be alike."""

    signature = models.ForeignKey(Signature, on_delete=models.CASCADE, related_name="bands")
    value = models.BigIntegerField()  # keyed with the organisation: nobody meets another body's cases

    class Meta:
        indexes = [models.Index(fields=["value", "-signature"], name="band_newest_first")]


class Likeness(models.Model):
    """That a case says nearly what another says: measured, and confirmed or rejected by measure or by a person."""

    class State(models.TextChoices):
        SUGGESTED = "suggested"
        CONFIRMED = "confirmed"
        REJECTED = "rejected"

    one = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="likenesses")  # the one compared later
    other = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="likenesses_of_later")
    likeness = models.FloatField()  # 0 to 1: what the two share of their runs of characters
    state = models.CharField(max_length=10, choices=State.choices, default=State.SUGGESTED)
    found_at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # null: by measure
    at = models.DateTimeField(null=True)  # when a person said so

    class Meta:
        constraints = [models.UniqueConstraint(fields=["one", "other"], name="one_likeness_a_pair")]
