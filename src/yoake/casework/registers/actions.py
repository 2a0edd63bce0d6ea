"""Filling the registers in: whoever oversees writes down what they found, an administrator confirms it or takes it back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers import checks
from yoake.casework.registers.models import Body, Contact, OfficialAccount
from yoake.casework.registers.queries import body_of
from yoake.casework.registers.shipped import shipped_bodies
from yoake.errors import BadInput, Refused


def fill_in(actor: Actor, slug: str, way: str, value: str, now: datetime | None = None) -> Contact:
    """Writes down a way to reach a body; nothing is sent there before an administrator confirmed it.

    A draft that waited for the same way goes. What was confirmed before stays in force until then.

    Raises BadInput for a body or way there is none of, or a value that is none of that way.
    """
    actor.must("fill_registers")
    now = now or timezone.now()
    value = checks.contact_value(way, value)
    with transaction.atomic():
        _one_at_a_time(actor)
        body = body_of(actor.organisation_id, slug)
        known = body.ways[way]
        if known.verified and known.value == value:
            raise Refused("this stands there already and is confirmed")
        _mine(actor).filter(body=slug, way=way, confirmed_at=None, withdrawn_at=None).update(
            withdrawn_by_id=_person(actor), withdrawn_at=now
        )
        contact = Contact.objects.create(
            organisation_id=actor.organisation_id, body=slug, way=way, value=value, by_id=_person(actor), at=now
        )
        _note("contact_filled_in", actor, f"body:{slug}", now, way=way, contact=contact.pk)
    return contact


def confirm(actor: Actor, contact_id: int, where_from: str, checked_on: str, now: datetime | None = None) -> Contact:
    """Puts a way to reach a body in force; what was sent to before is sent to no more.

    Args:
        actor: an administrator.
        contact_id: what somebody filled in.
        where_from: where it is from: a web page, a letter, who said it on the telephone.
        checked_on: the day (Asia/Tokyo, ISO 8601) on which somebody looked there; not in the future.
        now: the time; the clock's when left out.

    Raises:
        BadInput: no such draft, or one of the two is missing.
    """
    actor.must("registers")
    now = now or timezone.now()
    where_from, day = checks.source_of(where_from, checked_on, now)
    with transaction.atomic():
        _one_at_a_time(actor)
        contact = _mine(actor).filter(pk=contact_id, confirmed_at=None, withdrawn_at=None).first()
        if contact is None:
            raise BadInput("contact", contact_id, "something that waits to be confirmed in your organisation")
        body_of(actor.organisation_id, contact.body)  # still there
        contact.source, contact.checked_on = where_from, day
        contact.confirmed_by_id, contact.confirmed_at = _person(actor), now
        contact.save(update_fields=["source", "checked_on", "confirmed_by", "confirmed_at"])
        _note("contact_confirmed", actor, f"body:{contact.body}", now, way=contact.way, contact=contact.pk)
    return contact


def withdraw(actor: Actor, slug: str, way: str, now: datetime | None = None) -> None:
    """Nothing is sent there any more: what was confirmed, shipped or waits to be confirmed is taken back.

    Raises BadInput for a body or way there is none of, Refused when nothing stands there.
    """
    actor.must("registers")
    now = now or timezone.now()
    with transaction.atomic():
        _one_at_a_time(actor)
        body = body_of(actor.organisation_id, slug)
        if way not in body.ways:
            raise BadInput("way", way, f"one of {', '.join(body.ways)}")
        known = body.ways[way]
        ended = _mine(actor).filter(body=slug, way=way, withdrawn_at=None)
        n = ended.update(withdrawn_by_id=_person(actor), withdrawn_at=now)
        if known.verified and known.contact is None:  # shipped: a row of one's own says that it holds no more
            Contact.objects.create(
                organisation_id=actor.organisation_id, body=slug, way=way, value=known.value, by_id=_person(actor),
                at=now, source=known.source, checked_on=known.checked_on, confirmed_by_id=_person(actor),
                confirmed_at=now, withdrawn_by_id=_person(actor), withdrawn_at=now,
            )  # fmt: skip
            n += 1
        if not n:
            raise Refused("there is nothing to take back")
        _note("contact_withdrawn", actor, f"body:{slug}", now, way=way)


def add_body(
    actor: Actor,
    slug: str,
    kind: str,
    name_ja: str,
    name_en: str,
    *,
    prefecture: str = "",
    country: str = "JP",
    language: str = "ja",
    networks: Iterable[str] = (),
    hosts: str = "",
    now: datetime | None = None,
) -> Body:
    """Adds a body that is not shipped: the provider of a job board, a partner abroad.

    Args:
        actor: somebody who may fill the registers in.
        slug: a short name that no other body has.
        kind: one of models.Kind.
        name_ja: its name in Japanese.
        name_en: and in English.
        prefecture: as in Japanese (東京都), or "".
        country: two letters.
        language: in which it is written to, ja or en.
        networks: whose posts are its, as connectors name them.
        hosts: on which hosts they stand, with spaces between them.
        now: the time; the clock's when left out.

    Raises:
        BadInput: something of this is missing or is none.
        Refused: there is such a body.
    """
    actor.must("fill_registers")
    now, slug = now or timezone.now(), checks.slug_of(slug)
    networks = list(dict.fromkeys(name.strip() for name in networks if name.strip()))
    if any(len(name) > 60 for name in networks):
        raise BadInput("networks", networks, "names of networks")
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise BadInput("country", country, "two letters, such as JP")
    if language not in ("ja", "en"):
        raise BadInput("language", language, "one of ja, en")
    given = {
        "kind": checks.kind_of(kind),
        "name_ja": checks.name_of("name_ja", name_ja),
        "name_en": checks.name_of("name_en", name_en),
        "prefecture": checks.prefecture_of(prefecture),
        "country": country.upper(),
        "language": language,
        "networks": networks,
        "hosts": checks.hosts_of(hosts),
    }
    with transaction.atomic():
        _one_at_a_time(actor)
        mine = Body.objects.filter(organisation_id=actor.organisation_id, slug=slug).first()
        if slug in shipped_bodies() or (mine is not None and mine.removed_at is None):
            raise Refused("there is a body of this short name already")
        if mine is not None:  # added again: what was confirmed of the old one does not hold for the new one
            _mine(actor).filter(body=slug, withdrawn_at=None).update(withdrawn_by_id=_person(actor), withdrawn_at=now)
            mine.delete()
        body = Body.objects.create(
            organisation_id=actor.organisation_id, slug=slug, by_id=_person(actor), at=now, **given
        )
        _note("body_added", actor, f"body:{slug}", now, what=kind)
    return body


def remove_body(actor: Actor, slug: str, now: datetime | None = None) -> None:
    """Takes a body out that the organisation added. Raises BadInput when it has none of that name."""
    actor.must("registers")
    now = now or timezone.now()
    with transaction.atomic():
        _one_at_a_time(actor)
        mine = Body.objects.filter(organisation_id=actor.organisation_id, slug=slug, removed_at=None)
        if not mine.update(removed_by_id=_person(actor), removed_at=now):
            raise BadInput("body", slug, "a body that your organisation added")
        _note("body_removed", actor, f"body:{slug}", now)


def add_official_account(
    actor: Actor,
    network: str,
    handle: str,
    name: str,
    where_from: str,
    checked_on: str,
    *,
    native_id: str = "",
    body: str = "",
    now: datetime | None = None,
) -> OfficialAccount:
    """Writes down an account of a public body: where it already answered a post, nobody answers again.

    Args:
        actor: an administrator.
        network: as connectors name it.
        handle: without @.
        name: whose account it is.
        where_from: where that is from.
        checked_on: the day on which somebody looked there.
        native_id: its lasting id on the network, where it is known.
        body: a slug of the registers, "" for a body that stands in none.
        now: the time; the clock's when left out.

    Raises:
        BadInput: something of this is missing or is none.
        Refused: it stands there already.
    """
    actor.must("registers")
    now = now or timezone.now()
    where_from, day = checks.source_of(where_from, checked_on, now)
    network, native_id = network.strip(), native_id.strip()
    if not network or len(network) > 60:
        raise BadInput("network", network, "the network of the account")
    if len(native_id) > 300:
        raise BadInput("native_id", native_id, "at most 300 characters")
    handle, name = checks.handle_of(handle), checks.name_of("name", name)
    with transaction.atomic():
        _one_at_a_time(actor)
        if body:
            body_of(actor.organisation_id, body)
        mine = OfficialAccount.objects.filter(organisation_id=actor.organisation_id, withdrawn_at=None)
        if mine.filter(network=network, handle=handle).exists():
            raise Refused("this account stands there already")
        account = OfficialAccount.objects.create(
            organisation_id=actor.organisation_id, body=body, name=name, network=network, handle=handle,
            native_id=native_id, source=where_from, checked_on=day, by_id=_person(actor), at=now,
        )  # fmt: skip
        _note("official_account_added", actor, f"official_account:{account.pk}", now, network=network)
    return account


def withdraw_official_account(actor: Actor, account_id: int, now: datetime | None = None) -> None:
    """The account is no official one any more. Raises BadInput when there is no such account."""
    actor.must("registers")
    now = now or timezone.now()
    with transaction.atomic():
        mine = OfficialAccount.objects.filter(organisation_id=actor.organisation_id, pk=account_id, withdrawn_at=None)
        if not mine.update(withdrawn_by_id=_person(actor), withdrawn_at=now):
            raise BadInput("account", account_id, "an official account that your organisation wrote down")
        _note("official_account_withdrawn", actor, f"official_account:{account_id}", now)


def _one_at_a_time(actor: Actor) -> None:
    """Whoever writes into the registers of an organisation waits for whoever does just now."""
    Organisation.objects.select_for_update(no_key=True).filter(pk=actor.organisation_id).first()


def _mine(actor: Actor) -> QuerySet[Contact]:
    return Contact.objects.filter(organisation_id=actor.organisation_id)


def _person(actor: Actor) -> int:
    if not actor.user_id:
        raise Refused("only a person can do this")
    return actor.user_id


def _note(kind: str, actor: Actor, subject: str, now: datetime, **facts: str | int) -> None:
    record(kind, actor=actor.name, organisation=actor.organisation_id or None, subject=subject, at=now, **facts)
