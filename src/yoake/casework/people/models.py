from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person who signs in. What leaves the audit store shows the staff number, never the name."""

    staff_number = models.CharField(_("staff number"), max_length=20, blank=True, default="")
    language = models.CharField(_("language"), max_length=5, blank=True, default="")  # "" = as the browser asks
    second_factor_from = models.DateTimeField(
        null=True
    )  # from then on a second factor is demanded; null: never signed in


class Organisation(models.Model):
    """A body that works with Yoake: a police force, a hotline, a job board."""

    class Kind(models.TextChoices):
        POLICE = "police", _("police")
        HOTLINE = "hotline", _("hotline")
        JOB_BOARD = "job_board", _("job board")
        OTHER = "other", _("other")

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.OTHER)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in an organisation."""

    class Role(models.TextChoices):
        ANALYST = "analyst", _("analyst")
        SUPERVISOR = "supervisor", _("supervisor")
        AUDITOR = "auditor", _("auditor")
        ADMINISTRATOR = "administrator", _("administrator")
        ADVISER = "adviser", _("adviser")
        PARTNER = "partner", _("partner")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    ended_at = models.DateTimeField(null=True)  # they left; the row stays, because decisions point at the person

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organisation"], name="one_role_in_an_organisation")]


class Invitation(models.Model):
    """A link that makes its bearer a member, once, within its time. Only a hash of what stands in the link is kept."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)  # what colleagues call the person
    email = models.EmailField(blank=True, default="")  # by which sign-in elsewhere (OIDC) knows them
    role = models.CharField(max_length=20, choices=Membership.Role.choices)
    staff_number = models.CharField(max_length=20)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)


class Wellbeing(models.Model):
    """What a person takes upon themselves and how much; nobody else sees it. Empty values are the deployment's own."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="wellbeing")
    takes = models.JSONField(default=list)  # slugs of burdensome categories
    most_cases = models.PositiveIntegerField(null=True)  # of these a day; never above the deployment's
    most_minutes = models.PositiveIntegerField(null=True)
    break_minutes = models.PositiveIntegerField(null=True)  # after so much work a break is proposed; 0: never


class Exposure(models.Model):
    """What a person read on a day (Asia/Tokyo), in numbers; for themselves alone."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exposures")
    day = models.DateField()
    cases = models.PositiveIntegerField(default=0)  # opened to be judged
    sensitive = models.PositiveIntegerField(default=0)  # of these, burdensome ones
    seconds = models.PositiveIntegerField(default=0)  # of reading
    sensitive_seconds = models.PositiveIntegerField(default=0)
    in_a_row = models.PositiveIntegerField(default=0)  # burdensome ones since the last other one
    without_break = models.PositiveIntegerField(
        default=0
    )  # seconds of work since the last break, or since one was declined
    seen_at = models.DateTimeField(null=True)  # the newest sign of work

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="one_exposure_a_day")]
