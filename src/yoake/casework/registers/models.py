from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.people.models import Organisation, User


class Kind(models.TextChoices):
    """What a body is: the names of the files in `shipped/`."""

    PREFECTURAL_POLICE = "prefectural_police", _("prefectural police")
    LABOUR_BUREAU = "labour_bureau", _("labour bureau")
    HOTLINE = "hotline", _("hotline")
    PARTNER_HOTLINE = "partner_hotline", _("partner hotline abroad")
    OPERATOR = "operator", _("designated operator")
    NETWORK = "network", _("network or provider")
    CONSULTATION = "consultation", _("consultation desk")


class Body(models.Model):
    """A body that an organisation added to those that are shipped, such as the provider of a job board."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="bodies")
    slug = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name_ja = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    prefecture = models.CharField(max_length=10, blank=True, default="")  # as in Japanese: 東京都
    country = models.CharField(max_length=2, default="JP")
    language = models.CharField(max_length=2, default="ja")  # in which it is written to: ja or en
    networks = models.JSONField(default=list)  # whose posts are its, as connectors name networks
    hosts = models.JSONField(default=list)  # and on which hosts they stand, without www
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    removed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "slug"], name="one_body_a_slug")]


class Contact(models.Model):
    """A way to reach a body, as somebody wrote it down. Never overwritten: what is new is a new row.

    In force is the newest confirmed one of a body and way, unless it was withdrawn.
    """

    class Way(models.TextChoices):
        EMAIL = "email", _("mail address")
        FORM = "form", _("web form")
        ADDRESS = "address", _("postal address")
        TELEPHONE = "telephone", _("telephone")
        PUBLIC_KEY = "public_key", _("public key for evidence")
        TERMS = "terms", _("term that posts break")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="contacts")
    body = models.CharField(max_length=60)  # its slug, shipped or one's own
    way = models.CharField(max_length=10, choices=Way.choices)
    value = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    source = models.CharField(max_length=300, blank=True, default="")  # where it is from
    checked_on = models.DateField(null=True)  # the day on which somebody looked there
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "body", "way", "-id"], name="contacts_newest")]


class OfficialAccount(models.Model):
    """An account of a public body: where it already answered a post, nobody answers again."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="official_accounts")
    body = models.CharField(max_length=60, blank=True, default="")  # whose it is; "" of a body in no register
    name = models.CharField(max_length=100)  # whose it is, in words
    network = models.CharField(max_length=60)
    handle = models.CharField(max_length=300)  # in small letters, without @
    native_id = models.CharField(max_length=300, blank=True, default="")
    source = models.CharField(max_length=300)
    checked_on = models.DateField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "network", "handle"],
                condition=models.Q(withdrawn_at=None),
                name="one_official_account",
            )
        ]
