from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Case, Decision, Post
from yoake.casework.due import Due
from yoake.casework.people.models import Organisation, User
from yoake.casework.sources.models import Source
from yoake.casework.wording.models import CueDraft

# --- what the detector says -----------------------------------------------------------------------------------------


class ScoreCount(models.Model):
    """What the detector in service said about the posts of a source in an hour (UTC); numbers only."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="score_counts")
    hour = models.DateTimeField()
    model = models.CharField(max_length=60)  # as yoake.detect.serving.service_ref names it
    posts = models.PositiveBigIntegerField(default=0)
    queued = models.PositiveBigIntegerField(default=0)
    scores = models.JSONField(default=dict)  # category -> how many findings in each tenth of the score
    cues = models.JSONField(default=dict)  # category -> cue -> how many spans

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "hour", "model"], name="one_score_count_an_hour")]


class ShadowCount(models.Model):
    """How often the model in shadow and the one in service agreed about queuing, on a day (Asia/Tokyo)."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="shadow_counts")
    day = models.DateField()
    model = models.CharField(max_length=60)  # the one in shadow
    posts = models.PositiveBigIntegerField(default=0)
    both = models.PositiveBigIntegerField(default=0)  # queued by both
    only_serving = models.PositiveBigIntegerField(default=0)
    only_shadow = models.PositiveBigIntegerField(default=0)  # would have been queued

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "day", "model"], name="one_shadow_count_a_day")]


class Round(Due):
    """A look that is taken over and over for an organisation whose sources are patrolled: drift, terms."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="rounds")
    name = models.CharField(max_length=20)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="one_round_of_a_name")]


class Alarm(models.Model):
    """Something about the judge that a supervisor must look at; open until one closes it."""

    class Kind(models.TextChoices):
        RATE = "rate", _("finds far more or far fewer posts than before")
        SCORES = "scores", _("scores are spread differently than before")
        CUES = "cues", _("finds other words than before")
        PRECISION = "precision", _("fewer of the queued posts are confirmed than before")
        SHADOW = "shadow", _("the model in shadow cannot be loaded")
        GUARD = "guard", _("something automatic was right too seldom and is off")
        GOLD = "gold", _("a case with a known answer needs a look")
        CHANGED = "changed", _("another organisation changes for all what is looked for")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="alarms")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, null=True, related_name="alarms")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    category = models.CharField(max_length=60, blank=True, default="")  # "": of all together
    facts = models.JSONField(default=dict)  # the numbers of the newest look
    raised_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # it still held then
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.TextField(blank=True, default="")  # what the supervisor found

    class Meta:
        indexes = [models.Index(fields=["organisation", "closed_at"])]


# --- learning -------------------------------------------------------------------------------------------------------


class Sample(Due):
    """A post that was not queued, drawn by lot. Its content goes on decision or at `due_at`; lot and verdict stay."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="samples")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="samples")
    day = models.DateField()  # it was read on (Asia/Tokyo)
    lot = models.BigIntegerField()  # the lowest of a day are drawn; also the order of review
    uid = models.CharField(max_length=64)
    content = models.JSONField(default=dict)  # the post's row (schema POSTS); {} once it is gone
    score = models.FloatField(default=0)  # of its strongest finding; no reviewer sees it
    verdict = models.CharField(max_length=15, choices=Decision.Verdict.choices, blank=True, default="")
    category = models.CharField(max_length=60, blank=True, default="")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "day", "uid"], name="one_lot_a_post_and_day")]
        indexes = [models.Index(fields=["organisation", "day", "lot"])]


class HashedPost(models.Model):
    """A post that was judged out of scope, as hashed features: what is left to learn from when its text is erased."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="hashed_posts")
    post = models.OneToOneField(Post, on_delete=models.SET_NULL, null=True, related_name="hashed")  # null: was a sample
    author = models.CharField(max_length=32, blank=True, default="")  # keyed hash
    month = models.CharField(max_length=7)  # YYYY-MM
    bits = models.PositiveSmallIntegerField()
    longest = models.PositiveSmallIntegerField()
    hashing = models.CharField(max_length=16)
    features = models.BinaryField()  # as yoake.learn.hashed packs them
    taken_at = models.DateTimeField()


class TermProposal(models.Model):
    """A word that confirmed posts use more than everyday text, offered to a person."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="term_proposals")
    category = models.CharField(max_length=60)
    folded = models.CharField(max_length=60)
    text = models.CharField(max_length=60)
    groups = models.PositiveIntegerField()  # authors or near copies that use it
    background = models.PositiveBigIntegerField()  # at most so often in everyday text
    log_odds = models.FloatField()
    errors = models.FloatField()  # log-odds in standard errors
    posts = models.JSONField(default=list)  # ids of confirmed posts that use it; shown while they are kept
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    draft = models.OneToOneField(
        CueDraft, on_delete=models.SET_NULL, null=True, related_name="+"
    )  # made by accepting it
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "category", "folded"], name="one_proposal_a_term")
        ]


# --- models in service ----------------------------------------------------------------------------------------------


class StoredModel(models.Model):
    """A model of the store, with the hash it had when it was added."""

    ref = models.CharField(max_length=60, unique=True)  # <name>/<version>
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()


class Benchmark(models.Model):
    """The frozen rows that models are compared on; the newest is in force."""

    sha256 = models.CharField(max_length=64)
    file = models.CharField(max_length=200)  # its name when it was registered
    rows = models.PositiveIntegerField()
    groups = models.PositiveIntegerField()
    registered_at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")


class ModelCheck(models.Model):
    """A model against the one in service, on the benchmark set."""

    model = models.CharField(max_length=60)
    against = models.CharField(max_length=60)
    benchmark = models.ForeignKey(Benchmark, on_delete=models.CASCADE, related_name="checks")
    passed = models.BooleanField()
    figures = models.JSONField(default=dict)  # as yoake.learn.comparison.compare gives them
    at = models.DateTimeField()


class ModelChange(models.Model):
    """A pointer of the store was moved."""

    class Kind(models.TextChoices):
        SERVED = "served", _("put into service")
        ROLLED_BACK = "rolled_back", _("rolled back")
        SHADOW_ON = "shadow_on", _("put into shadow")
        SHADOW_OFF = "shadow_off", _("taken out of shadow")

    kind = models.CharField(max_length=15, choices=Kind.choices)
    model = models.CharField(max_length=60, blank=True, default="")  # "": the shipped one
    before = models.CharField(max_length=60, blank=True, default="")
    lacking = models.JSONField(default=list)  # what of the rule was not met; then there is a reason
    reason = models.TextField(blank=True, default="")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()


# --- how right people and machines are ------------------------------------------------------------------------------


class Gold(models.Model):
    """A case of which the answer is sure, marked so by a supervisor; copies of it are mixed into people's queues."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="gold")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="gold")
    case = models.ForeignKey(Case, on_delete=models.SET_NULL, null=True, related_name="gold")  # null: from practice
    verdict = models.CharField(max_length=15, choices=Decision.Verdict.choices)
    category = models.CharField(max_length=60, blank=True, default="")
    also = models.JSONField(default=list)  # answers under one of these are right too
    why = models.TextField(blank=True, default="")  # shown with the answer; goes with the post's words
    practice = models.CharField(max_length=40, blank=True, default="")  # row of the practice stream, which tells why
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "post"], condition=models.Q(withdrawn_at=None), name="one_gold_a_post"
            )
        ]


class GoldTurn(models.Model):
    """A copy of a gold case before one person, and what they answered; the copy goes a week after the answer."""

    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, related_name="turns")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    copy = models.OneToOneField(Case, on_delete=models.SET_NULL, null=True, related_name="+")
    drawn_by = models.OneToOneField(Decision, on_delete=models.SET_NULL, null=True, related_name="+")  # by its lot
    given_at = models.DateTimeField()
    verdict = models.CharField(max_length=15, choices=Decision.Verdict.choices, blank=True, default="")
    category = models.CharField(max_length=60, blank=True, default="")
    right = models.BooleanField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gold", "user"], name="one_turn_a_person")]


class Flagged(models.Model):
    """What a detector said of a version that people judged: ids and names of rules, no words. Kept when the words go."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="flagged")
    category = models.CharField(max_length=60)
    detector = models.CharField(max_length=60)
    detector_version = models.CharField(max_length=80)
    score = models.FloatField()
    cues = models.JSONField(default=list)  # those whose words carried weight for it
    words = models.JSONField(default=list)  # keys of words that people let the judge know and that carried weight

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "category", "detector", "detector_version"], name="one_flag_a_detector"
            )
        ]


class Precision(models.Model):
    """How right something was that flagged posts, counted anew every hour."""

    class Kind(models.TextChoices):
        DETECTOR = "detector", _("detector")
        CUE = "cue", _("cue")
        TOGETHER = "together", _("cues together")
        WORD = "word", _("word")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="precisions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    category = models.CharField(max_length=60)
    name = models.CharField(max_length=160)  # detector and version, cue, kinds joined by +, key of a word
    double = models.PositiveIntegerField(default=0)  # drawn by lot and judged by two
    double_right = models.PositiveIntegerField(default=0)
    single = models.PositiveIntegerField(default=0)  # judged at least once
    single_right = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "category", "name"], name="one_precision_a_rule")
        ]
