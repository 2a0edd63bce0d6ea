from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person who signs in. What leaves the audit store shows the staff number, never the name."""

    staff_number = models.CharField(_("staff number"), max_length=20, blank=True, default="")
    language = models.CharField(_("language"), max_length=5, blank=True, default="")  # "" = as the browser asks


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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organisation"], name="one_role_in_an_organisation")]
