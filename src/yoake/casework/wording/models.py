from __future__ import annotations

from django.db import models

from yoake.casework.people.models import Organisation, User


class Letterhead(models.Model):
    """Under which name and telephone an organisation writes; letters name them, so that a reader can ask back."""

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, related_name="letterhead")
    name_ja = models.CharField(max_length=60)
    name_en = models.CharField(max_length=80)
    telephone = models.CharField(max_length=30)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Letter(models.Model):
    """One version of a letter of an organisation's own: drafted by one person, in force once a second one approved it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="letters")
    category = models.CharField(max_length=60)
    name = models.CharField(max_length=40)  # warning, help, removal_request ...: the file's name in the category folder
    language = models.CharField(max_length=5)
    number = models.PositiveIntegerField()  # of this letter, 1 is the first of one's own
    text = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "category", "name", "language", "number"], name="one_letter_a_number"
            )
        ]


class CueDraft(models.Model):
    """A word that somebody wants the judge to know, tried before it counts; in force once a second person approved it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="cue_drafts")
    category = models.CharField(max_length=60)
    cue = models.CharField(max_length=60)
    phrase = models.CharField(max_length=60)
    strength = models.CharField(max_length=10)
    note = models.CharField(max_length=200, blank=True, default="")
    tried = models.JSONField(default=dict)  # what it would have changed: counts and ids of cases, never words
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)


class Switch(models.Model):
    """A category switched on or off for the deployment: asked by one administrator, done once another confirmed it."""

    category = models.CharField(max_length=60)
    on = models.BooleanField()
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")  # of who asked
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # null: nobody had to
    confirmed_at = models.DateTimeField(null=True)  # it is done; null: it waits

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["category"], condition=models.Q(confirmed_at=None), name="one_switch_waits_a_category"
            )
        ]
