from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.people.models import Organisation, User


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


class Permission(models.Model):
    """That a service which restricts such use permits it to an organisation; sources of the connector stay off without one."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="permissions")
    connector = models.CharField(max_length=60)
    permitted_by = models.CharField(max_length=200)  # the person or body on the service's side
    permitted_on = models.DateField()
    terms = models.TextField()  # under which terms
    reference = models.CharField(max_length=200, blank=True, default="")  # a file number, a contract
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)  # null: in force

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "connector"],
                condition=models.Q(withdrawn_at=None),
                name="one_permission_in_force",
            )
        ]


class Plan(models.Model):
    """How a source that is asked by words divides what its service allows. The words are the queries below."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="plan")
    per_quarter = models.PositiveIntegerField()  # requests in 15 minutes, at most
    per_day = models.PositiveIntegerField()
    explore = models.PositiveSmallIntegerField(default=20)  # per cent of the quota that all queries share alike
    categories = models.JSONField(default=list)  # whose cues are searched for; empty: all that a detector seeks
    seed = models.PositiveIntegerField(default=0)  # in which order those are asked that are equal otherwise
    turn = models.PositiveBigIntegerField(default=0)  # questions so far
    tokens = models.FloatField(default=1.0)  # requests that may go out now
    tokens_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)  # when the lexicon was read last


class Query(models.Model):
    """Words that a source searches for. What they found is kept as numbers, never as content."""

    class Origin(models.TextChoices):
        LEXICON = "lexicon", _("word list")
        PERSON = "person", _("a person")

    class State(models.TextChoices):
        ON = "on", _("asked")
        PAUSED = "paused", _("paused")
        AGED = "aged", _("aged: nobody writes it, or the word list dropped it")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="queries")
    words = models.CharField(max_length=500)
    category = models.CharField(max_length=60, blank=True, default="")  # "": a person named none
    origin = models.CharField(max_length=10, choices=Origin.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ON)
    aged_at = models.DateTimeField(null=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField()
    cursor = models.TextField(null=True, default=None)  # of this search, resumes after what was taken in
    last_asked_at = models.DateTimeField(null=True)
    last_turn = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField(null=True)  # when decisions were counted last
    problem = models.TextField(blank=True, default="")  # one sentence, why the network does not take it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "words"], name="each_query_once")]


class QueryDay(models.Model):
    """What a query brought on a day (Asia/Tokyo) of finding; decisions are counted on the day their post was found."""

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    asked = models.PositiveIntegerField(default=0)  # requests
    posts = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    in_scope = models.PositiveIntegerField(default=0)
    not_in_scope = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["query", "day"], name="one_query_day")]


class Found(models.Model):
    """That a query found a queued post, by the post's hash, until its decision is counted for good (30 days)."""

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="found")
    uid = models.CharField(max_length=64)
    day = models.DateField()
    verdict = models.CharField(max_length=15, blank=True, default="")  # as it was counted

    class Meta:
        constraints = [models.UniqueConstraint(fields=["query", "uid"], name="found_once")]
