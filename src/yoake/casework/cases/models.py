from __future__ import annotations

from django.db import models
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.fold_models import Comparison
from yoake.casework.cases.outcome_models import Outcome
from yoake.casework.cases.preservation_models import Preservation
from yoake.casework.cases.received_models import Received, ReceivedLine
from yoake.casework.cases.review_models import Guard, OrdinaryCases, SecondReview
from yoake.casework.cases.standing_models import Standing
from yoake.casework.due import Due
from yoake.casework.people.models import Organisation, User
from yoake.casework.sources.models import Source

__all__ = [
    "Comparison",
    "Guard",
    "Outcome",
    "Preservation",
    "Received",
    "ReceivedLine",
    "SecondReview",
    "Standing",
]  # tables that stand in files of their own


URL_START = 200  # characters of an address that are indexed


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
    url_start = models.GeneratedField(  # an index on whole addresses would refuse the longest; see queries.at_address
        expression=Left("url", URL_START),
        output_field=models.CharField(max_length=URL_START),
        db_persist=True,
        db_index=True,
    )
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="posts")
    posted_at = models.DateTimeField(null=True)  # as the author's client claims
    first_seen_at = models.DateTimeField()
    current = models.ForeignKey("PostVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    gone_state = models.CharField(max_length=30, blank=True, default="")  # deleted_by_author, suspended ...; "" = up
    gone_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)  # text and author are gone, and the link unless it is record-only
    stopped_at = models.DateTimeField(null=True)  # somebody pressed the stop key: it must not be held or shown
    keyed = models.BooleanField(default=False)  # its HoldKeys are there, see holds.note_keys

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(keyed=False), name="posts_to_key")]


class PostVersion(models.Model):
    """What a post said at a time; findings, spans and decisions point here."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="versions")
    # Whose people typed these words: no other body sees them. Null: the network said so.
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="+")
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
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="cases", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="cases")
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.PATROL)
    practice = models.BooleanField(default=False)
    state = models.CharField(max_length=15, choices=State.choices, default=State.WAITING)
    opened_at = models.DateTimeField()
    # A patrol of the organisation brought it too and would have queued it; null: never, or the patrol found it first.
    met_at = models.DateTimeField(null=True)
    # What the strongest finding says, kept here so that the inbox is one index scan.
    category = models.CharField(max_length=60, blank=True, default="")
    grade = models.CharField(max_length=4, blank=True, default="")
    score = models.FloatField(default=0)
    at_risk = models.BooleanField(default=False)
    changed_at = models.DateTimeField(null=True)  # the post changed after a decision was taken
    rank = models.FloatField(
        default=0
    )  # order in the inbox after at_risk, see ranking.rank_of; never changes with time
    decide_by = models.DateTimeField(null=True)  # the service clock of its class
    prefecture = models.CharField(max_length=10, blank=True, default="")  # read from the post, as in Japanese: 東京都
    minor = models.BooleanField(default=False)  # a sign that the author is under 18
    assignee = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="assigned_cases")
    folded_into = models.ForeignKey(  # see link
        "self", on_delete=models.SET_NULL, null=True, related_name="folded", db_index=False
    )
    # Whose judgement a copy tries that has a known answer; only this person ever sees it. Null: an ordinary case.
    gold_for = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)

    objects: models.Manager[Case] = OrdinaryCases()
    everything: models.Manager[Case] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["post", "organisation"], condition=models.Q(gold_for=None), name="one_case_an_organisation"
            ),
            models.UniqueConstraint(fields=["post", "organisation", "gold_for"], name="one_copy_a_person"),
            models.CheckConstraint(
                condition=models.Q(at_risk=False) | models.Q(folded_into=None), name="nobody_at_risk_is_folded"
            ),
        ]
        # The inbox is one scan of the first; what filters ask stands behind the order, so that it never leaves the index
        # (nor does `folded_into`: SQLite looks up what a condition of an index already says).
        indexes = [
            models.Index(
                fields=[
                    *("organisation", "practice", "state", "-at_risk", "-rank", "id"),
                    *("category", "grade", "prefecture", "source", "assignee", "origin"),
                    *("opened_at", "decide_by", "changed_at", "gold_for", "folded_into"),
                ],
                condition=models.Q(folded_into=None),
                name="inbox_order",
            ),
            models.Index(
                fields=[
                    *("organisation", "practice", "state", "category", "-at_risk", "-rank", "id"),
                    *("gold_for", "folded_into"),
                ],
                condition=models.Q(folded_into=None),
                name="inbox_category",
            ),
            models.Index(
                fields=["organisation", "practice", "state", "decide_by", "gold_for", "folded_into"],
                condition=models.Q(folded_into=None),
                name="inbox_due",
            ),
            models.Index(
                fields=["organisation", "practice", "state", "-at_risk", "id", "gold_for", "folded_into"],
                condition=models.Q(folded_into=None),
                name="inbox_age",  # while the guard of the order is off
            ),
            # What is empty in nearly every row has no place in its index: SQLite, which keeps no statistics, would look
            # for the empty ones there and read the whole table.
            models.Index(fields=["folded_into"], condition=models.Q(folded_into__isnull=False), name="folded_cases"),
            models.Index(fields=["gold_for"], condition=models.Q(gold_for__isnull=False), name="copies_of_cases"),
            models.Index(fields=["state", "opened_at"], name="cases_by_state"),
        ]


class Lease(models.Model):
    """Who is reading a post now. One row a post: nobody else, in any organisation, decides it meanwhile."""

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="lease")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()


class AccountLease(models.Model):
    """Who is acting towards an account now. One row an account: no other body acts towards it or its posts meanwhile."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="lease")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()


class Claim(models.Model):
    """That somebody had a case, from when to when, and how it ended: the history of leases."""

    class End(models.TextChoices):
        DECIDED = "decided", _("decided")
        RELEASED = "released", _("released")
        SKIPPED = "skipped", _("skipped")
        EXPIRED = "expired", _("expired")
        HANDED_ON = "handed_on", _("handed on")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="claims")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    taken_at = models.DateTimeField()
    extended = models.PositiveIntegerField(default=0)  # how often somebody asked for more time
    ended_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=10, choices=End.choices, blank=True, default="")


class Hold(models.Model):
    """Hands off an account, contact or address, for others than the organisation that holds it; no reason is kept."""

    class Kind(models.TextChoices):
        ACCOUNT = "account", _("account")
        CONTACT = "contact", _("contact id")
        PHONE = "phone", _("telephone number")
        URL = "url", _("web address")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    key = models.CharField(max_length=64, db_index=True)  # keyed hash of what is held; "" once that is forgotten
    sealed = models.BinaryField()  # what is held, encrypted: only those who may hold see it again
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    lifted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], condition=models.Q(lifted_at=None), name="holds_in_force")]


class HoldKey(models.Model):
    """Keyed hash of something by which a post or an account can be held: its names, contacts and addresses.

    Goes with the words it was made of. Old ones stay beside new ones: an author cannot get out of a hold by editing.
    """

    post = models.ForeignKey(Post, on_delete=models.CASCADE, null=True, related_name="hold_keys")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="hold_keys")
    key = models.CharField(max_length=64, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["post", "key"], name="one_hold_key_a_post"),
            models.UniqueConstraint(fields=["account", "key"], name="one_hold_key_an_account"),
        ]


class Note(models.Model):
    """What a person wrote beside a case, for colleagues; goes with the post's words."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="notes")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()


class Advice(models.Model):
    """A case put to the adviser with a question, and what they answered; the words go with the post's."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="advices")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    question = models.TextField()
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, default="")


class SavedView(models.Model):
    """A way to look at the inbox that somebody gave a name."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="saved_views")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    shared = models.BooleanField(default=False)  # with the organisation
    filters = models.JSONField(default=dict)
    made_at = models.DateTimeField()


class SearchText(models.Model):
    """What search finds a case by: keyed hashes of folded bigrams (text, author, handle, address, notes); see search."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="search_text")
    words = models.TextField()


class LegalHold(models.Model):
    """A case that must be kept whatever its time says, until somebody lifts it."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="legal_holds")
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    ground = models.CharField(max_length=20)  # trial, enquiry, complaint, request
    until = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)


class RemovalConsent(models.Model):
    """Two persons who agree that a case goes before its time; withdrawn is one that nobody consented to."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="removal_consents")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    consented_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    consented_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)


class Decision(models.Model):
    """What a person decided about a version, or the undoing of an earlier decision."""

    class Verdict(models.TextChoices):
        IN_SCOPE = "in_scope", _("in scope")
        NOT_IN_SCOPE = "not_in_scope", _("not in scope")
        CANNOT_TELL = "cannot_tell", _("cannot tell")
        DUPLICATE = "duplicate", _("duplicate")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="decisions")
    version = models.ForeignKey(PostVersion, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=15, choices=Verdict.choices, blank=True)  # "" for an undoing
    category = models.CharField(max_length=60, blank=True, default="")
    also = models.JSONField(default=list)  # further categories that hold
    at_risk = models.BooleanField(default=False)  # one of these categories is about somebody who needs help
    hotline_class = models.CharField(max_length=30, blank=True, default="")  # the class valid that day
    reason = models.TextField(blank=True, default="")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    undoes = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, related_name="undone_by", db_index=False
    )  # one at most
    elements = models.JSONField(default=list)  # what was ticked: name, field, start, end (code points of the version)
    duplicate_of = models.ForeignKey(Case, on_delete=models.SET_NULL, null=True, related_name="duplicates")
    batch = models.CharField(max_length=36, blank=True, default="")  # decisions taken together on cases that are alike

    class Meta:
        indexes = [
            models.Index(fields=["-at", "-id"], name="decisions_newest"),
            models.Index(fields=["case", "-at", "-id"], name="decisions_of_case"),  # which one stands
            models.Index(fields=["case", "at"], condition=models.Q(at_risk=True), name="decisions_at_risk"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["undoes"], condition=models.Q(undoes__isnull=False), name="undone_once"),
        ]


class Erasure(Due):
    """A post whose text, author and link must go at `due_at`, unless the decision is undone before.

    Legal holds leave `due_at` as it is, see `keeping.is_held`: until they end, `claimed_until` keeps the worker away.
    """

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="erasure")
    why = models.CharField(max_length=30)  # see keeping.py: not_in_scope, retention, practice ...


class Stop(Due):
    """Material that must not be held: somebody pressed the stop key, and its words are gone everywhere.

    Until `cleaned_at` the worker is to clean the database's files of what a deletion leaves in them. For the hand-over to
    the police or a hotline the item's address remains, sealed, with time and person.
    """

    post = models.OneToOneField(Post, on_delete=models.SET_NULL, null=True, related_name="stop")
    key = models.CharField(max_length=64, unique=True)  # keyed hash of the post's uid, see stopped.py
    address_key = models.CharField(max_length=64, blank=True, default="", db_index=True)  # of the uid its address gives
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="stops")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")  # null: by command
    at = models.DateTimeField()
    sealed = models.BinaryField(default=bytes)  # address, network, native id
    cleaned_at = models.DateTimeField(null=True)


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
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(outcome="") & ~models.Q(hand=""), name="checks_by_hand")
        ]


class Surroundings(Due):
    """What stands around a post: thread, profile and newest posts in words, never pictures; fetched when a case is opened.

    Until it is fetched, `due_at` says when to ask; afterwards when it goes, unless a case of the post stands in scope.
    """

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="surroundings")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")  # whose connector asks
    asked_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, blank=True, default="")  # fetched, nothing, unreachable, refused
    fetched_at = models.DateTimeField(null=True)
    body = models.JSONField(
        default=dict
    )  # parents, recent (uid, author, handle, text, at, pictures), profile, author_name


class Naming(Due):
    """A post that was entered by an address in which a handle stands: the network is asked whose lasting id that is."""

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="naming")


class JudgeAnswer(models.Model):
    """What a language model answered before: categories, scores and places, no words of anybody."""

    key = models.CharField(max_length=64, unique=True)  # keyed hash of model, prompt version and content hash
    about = models.CharField(max_length=64, blank=True, default="", db_index=True)  # as PostVersion's hash once erased
    answer = models.JSONField()
    at = models.DateTimeField(db_index=True)


class DailyUse(models.Model):
    """How much of something that has a daily limit was used on a day of Asia/Tokyo."""

    day = models.DateField()
    what = models.CharField(max_length=40)
    n = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "what"], name="one_use_a_day")]
