"""The table of what became of posts and accounts; part of `models.py`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from yoake.casework.due import Due


class Outcome(Due):
    """What became of a post or its account, from a check or from what a provider answered; written once, never guessed.

    Made in the transaction in which it was seen; until the worker found which act went before (`due_at`), `what` is empty.
    """

    class Of(models.TextChoices):
        POST = "post", pgettext_lazy("outcome", "post")
        ACCOUNT = "account", pgettext_lazy("outcome", "account")

    class What(models.TextChoices):
        GONE_BEFORE = "gone_before", pgettext_lazy("outcome", "gone before anybody acted")
        REMOVED = "removed", pgettext_lazy("outcome", "removed")
        SUSPENDED = "suspended", pgettext_lazy("outcome", "account suspended")
        HIDDEN = "hidden", pgettext_lazy("outcome", "hidden")
        REFUSED = "refused", pgettext_lazy("outcome", "refused")
        STILL_UP = "still_up", pgettext_lazy("outcome", "still up")
        UNREACHABLE = "unreachable", pgettext_lazy("outcome", "nobody answers")

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="outcomes")
    of = models.CharField(max_length=10, choices=Of.choices)
    # How it was seen; null: a provider said so.
    check_row = models.ForeignKey("cases.Check", on_delete=models.CASCADE, null=True, related_name="outcomes")
    seen = models.CharField(max_length=30)  # of schedule.OUTCOMES, or refused: who removed it, where that is known
    step = models.CharField(
        max_length=20, blank=True, default=""
    )  # of the check: 5d is five business days after the act
    at = models.DateTimeField()  # when it was true
    what = models.CharField(max_length=12, choices=What.choices, blank=True, default="")
    # kind of the act that went before: of what is gone the one that can have made it go, else the one its clock counts from
    act = models.CharField(max_length=12, blank=True, default="")
    act_at = models.DateTimeField(null=True)  # when that left; without one, when the case was decided
    elapsed_s = models.BigIntegerField(null=True)  # at - act_at, seconds

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["check_row", "of"], condition=models.Q(check_row__isnull=False), name="one_outcome_a_check"
            )
        ]
        indexes = [models.Index(fields=["case", "-at"], name="outcomes_of_case")]
