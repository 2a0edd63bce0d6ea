from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.people.models import Organisation


class Source(models.Model):
    """One thing that is watched."""

    class State(models.TextChoices):
        STOPPED = "stopped", _("stopped")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waiting to try again")
        PAUSED = "paused", _("paused: a person must act")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=60, unique=True)
    connector = models.CharField(max_length=60)
    options = models.JSONField(default=dict, blank=True)
    practice = models.BooleanField(default=False)  # outside all counts and training; no act can leave it
    job_board = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    cursor = models.TextField(null=True, default=None)  # resumes after the last page taken in; null: nothing read yet
    state = models.CharField(max_length=10, choices=State.choices, default=State.STOPPED)
    problem = models.TextField(blank=True, default="")  # one sentence, why it waits or is paused
    failures = models.PositiveIntegerField(default=0)  # in a row
    next_try_at = models.DateTimeField(null=True)
    seen_until = models.DateTimeField(null=True)  # network time of the newest thing read
    last_page_at = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_holder = models.CharField(max_length=120, blank=True, default="")  # host, process and its start time
    lease_expires_at = models.DateTimeField(null=True)
    added_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class HourCount(models.Model):
    """How many of what arrived from a source in an hour (UTC). Names: posts, queued, edited, removed, low:<category>, skipped:<reason>."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="hour_counts")
    hour = models.DateTimeField()
    name = models.CharField(max_length=80)
    n = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "hour", "name"], name="one_count_an_hour")]


class Skipped(models.Model):
    """One thing that could not be read as it was: where to find it again, never what it said. The newest 1,000 a source are kept."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="skipped")
    at = models.DateTimeField()
    reason = models.CharField(max_length=40)
    where = models.CharField(max_length=120)
    kept = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["source", "-id"])]


class NgramCount(models.Model):
    """Background of a source and day (Asia/Tokyo): counts of hashed character n-grams, 65,536 little-endian uint32; no text."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="ngram_counts")
    day = models.DateField()
    buckets = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "day"], name="one_background_a_day")]
