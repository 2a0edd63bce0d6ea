from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.due import Due
from yoake.casework.people.models import Organisation, User
from yoake.casework.sources.models import Source


class Account(models.Model):
    """Whoever wrote a post, as the network knows them."""

    network = models.CharField(max_length=60)
    native_id = models.CharField(max_length=300)
    handle = models.CharField(max_length=300, blank=True, default="")
    name = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "native_id"], name="one_account")]


class Post(models.Model):
    """One post, whatever brought it: found by patrol, reported, or added by hand."""

    uid = models.CharField(max_length=64, unique=True)  # yoake.tables.posts.uid_of
    network = models.CharField(max_length=60)
    native_id = models.TextField(blank=True)
    url = models.TextField(blank=True, default="")
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="posts")
    posted_at = models.DateTimeField(null=True)  # as the author's client claims
    first_seen_at = models.DateTimeField()
    current = models.ForeignKey("PostVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    gone_state = models.CharField(max_length=30, blank=True, default="")  # deleted_by_author, suspended ...; "" = up
    gone_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)  # text and author are gone, and the link unless it is record-only


class PostVersion(models.Model):
    """What a post said at a time; findings, spans and decisions point here."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="versions")
    content_hash = models.CharField(max_length=64)  # keyed after erasure, see actions.erase
    seen_at = models.DateTimeField()
    author_name = models.TextField(blank=True, default="")
    profile = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")
    parent_id = models.TextField(blank=True, default="")
    parent_text = models.TextField(blank=True, default="")
    root_id = models.TextField(blank=True, default="")
    lang = models.CharField(max_length=100, blank=True, default="")
    labels = models.JSONField(default=list)
    images = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "content_hash"], name="one_version")]


class Finding(models.Model):
    """What a detector said about a version. Columns carry what is searched; `body` the rest of the fixed interface."""

    version = models.ForeignKey(PostVersion, on_delete=models.CASCADE, related_name="findings")
    category = models.CharField(max_length=60)
    hotline_class = models.CharField(max_length=30)
    score = models.FloatField()
    grade = models.CharField(max_length=4)
    detector = models.CharField(max_length=60)
    detector_version = models.CharField(max_length=80)
    shadow = models.BooleanField(default=False)
    base = models.FloatField(default=0)
    rest = models.FloatField(default=0)
    frame = models.CharField(max_length=40, blank=True, default="")
    body = models.JSONField(default=dict)  # elements, items, nearest, explanation, counter, spans

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "category", "detector", "detector_version"], name="one_finding_a_detector"
            )
        ]


class Case(models.Model):
    """A post in front of an organisation."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SECOND_REVIEW = "second_review", _("second review")
        DECIDED = "decided", _("decided")
        CLOSED = "closed", _("closed")

    class Origin(models.TextChoices):
        PATROL = "patrol", _("patrol")
        HAND = "hand", _("added by hand")
        LESSON = "lesson", _("chosen for practice")

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="cases")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="cases")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="cases")
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.PATROL)
    practice = models.BooleanField(default=False)
    state = models.CharField(max_length=15, choices=State.choices, default=State.WAITING)
    opened_at = models.DateTimeField()
    # What the strongest finding says, kept here so that the inbox is one index scan.
    category = models.CharField(max_length=60, blank=True, default="")
    grade = models.CharField(max_length=4, blank=True, default="")
    score = models.FloatField(default=0)
    at_risk = models.BooleanField(default=False)
    weight = models.FloatField(default=0)  # severity x score: order in the inbox after at_risk
    changed_at = models.DateTimeField(null=True)  # the post changed after a decision was taken

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "organisation"], name="one_case_an_organisation")]
        indexes = [
            models.Index(
                fields=["organisation", "practice", "state", "-at_risk", "-weight", "opened_at", "id"],
                name="inbox_order",
            )
        ]


class Lease(models.Model):
    """Who is reading a post now. One row a post: nobody else, in any organisation, decides it meanwhile."""

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="lease")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()


class Decision(models.Model):
    """What a person decided about a version, or the undoing of an earlier decision."""

    class Verdict(models.TextChoices):
        IN_SCOPE = "in_scope", _("in scope")
        NOT_IN_SCOPE = "not_in_scope", _("not in scope")
        CANNOT_TELL = "cannot_tell", _("cannot tell")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="decisions")
    version = models.ForeignKey(PostVersion, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=15, choices=Verdict.choices, blank=True)  # "" for an undoing
    category = models.CharField(max_length=60, blank=True, default="")
    also = models.JSONField(default=list)  # further categories that hold
    hotline_class = models.CharField(max_length=30, blank=True, default="")  # the class valid that day
    reason = models.TextField(blank=True, default="")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    undoes = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="undone_by")


class Erasure(Due):
    """A post whose text, author and link must go at `due_at`, unless the decision is undone before."""

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="erasure")
    why = models.CharField(max_length=30)  # not_in_scope, practice, record_only


class SecondLook(Due):
    """A detector that is to look again at a version, or has; findings come beside the others and never take any away."""

    version = models.ForeignKey(PostVersion, on_delete=models.CASCADE, related_name="second_looks")
    detector = models.CharField(max_length=60)  # its name on the shelf
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True)  # who brought a post that has no case yet
    outcome = models.CharField(
        max_length=30, blank=True, default=""
    )  # "" until done: found, nothing, or why not looked
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "detector"], name="one_second_look_a_detector")]


class Check(Due):
    """Whether a post is still there, asked at one time: due, or done with an outcome that is written once.

    A later check is a new row. While `hand` says why nobody can ask automatically, the row is a to-do for a person.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="checks")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")  # whose connector asks
    step = models.CharField(max_length=20)  # 1h, 6h, 1d .. 5d (business days), 2w, now, before_act, stream
    since = models.DateTimeField()  # the decision or act from which the elapsed time counts
    since_what = models.CharField(max_length=30, default="decision")  # decision, or the kind of the act
    hand = models.CharField(max_length=20, blank=True, default="")  # no_source, source_off, unchecked, refused, failed
    outcome = models.CharField(max_length=30, blank=True, default="")  # "" until done, see schedule.OUTCOMES
    how = models.CharField(max_length=10, blank=True, default="")  # automatic, by_hand, stream
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # who looked, by hand
    checked_at = models.DateTimeField(null=True)  # when the outcome was true
    elapsed_s = models.BigIntegerField(null=True)  # checked_at - since; below 0: it was so before
    note = models.TextField(blank=True, default="")  # what the network said beside, one sentence
    content_hash = models.CharField(max_length=64, blank=True, default="")  # of what stood there, where that was read
    stamp = models.TextField(blank=True, default="")  # the network's validators, for the next check

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "since", "step"], name="one_check_a_step")]


class Surroundings(Due):
    """What stands around a post: thread, profile and newest posts in words, never pictures; fetched when a case is opened.

    Until it is fetched, `due_at` says when to ask; afterwards when it goes, unless a case of the post stands in scope.
    """

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="surroundings")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")  # whose connector asks
    asked_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, blank=True, default="")  # fetched, nothing, unreachable, refused
    fetched_at = models.DateTimeField(null=True)
    body = models.JSONField(default=dict)  # parents, recent (author, handle, text, at, id), profile, author_name


class Naming(Due):
    """A post that was entered by an address in which a handle stands: the network is asked whose lasting id that is."""

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="naming")


class JudgeAnswer(models.Model):
    """What a language model answered before: categories, scores and places, no words of anybody."""

    key = models.CharField(max_length=64, unique=True)  # keyed hash of model, prompt version and content hash
    answer = models.JSONField()
    at = models.DateTimeField(db_index=True)


class DailyUse(models.Model):
    """How much of something that has a daily limit was used on a day of Asia/Tokyo."""

    day = models.DateField()
    what = models.CharField(max_length=40)
    n = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "what"], name="one_use_a_day")]
