"""Who stands in the registers as an organisation sees them: what is shipped, with its own bodies and contacts over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from yoake.casework.registers.models import Body, Contact, OfficialAccount
from yoake.casework.registers.shipped import shipped_accounts, shipped_bodies
from yoake.errors import BadInput, Refused

EMAIL, FORM, ADDRESS, TELEPHONE, PUBLIC_KEY, TERMS = Contact.Way.values
WAYS: Final = tuple(Contact.Way.values)
_CALLED: Final = {  # in sentences, which are English below the console
    EMAIL: "mail address",
    FORM: "web form",
    ADDRESS: "postal address",
    TELEPHONE: "telephone",
    PUBLIC_KEY: "public key for evidence",
    TERMS: "term that posts break",
}


@dataclass(frozen=True)
class Way:
    """One way to reach a body, as it is known now."""

    name: str  # of WAYS
    value: str  # "" while nobody knows it
    verified: bool  # an administrator confirmed it, or it is shipped with its source; and nobody withdrew it
    source: str
    checked_on: date | None
    contact: Contact | None  # the row that rules; None: as shipped
    draft: Contact | None  # a newer one that waits for an administrator


@dataclass(frozen=True)
class Listed:
    """A body with the ways to reach it, as one organisation has them."""

    slug: str
    kind: str
    name_ja: str
    name_en: str
    prefecture: str
    country: str
    language: str
    networks: tuple[str, ...]
    hosts: tuple[str, ...]
    ways: dict[str, Way]  # by name; every one of WAYS
    own: Body | None  # None: shipped

    def runs(self, network: str, url: str) -> int:
        """Whether posts of a network, or at an address, are its: 0 if not, else more the more of the host it names."""
        host = (urlsplit(url).hostname or "").removeprefix("www.")
        lengths = [len(own) + 1 for own in self.hosts if host == own or host.endswith(f".{own}")]
        return max(lengths, default=1 if network and network in self.networks else 0)

    def verified(self, way: str) -> str:
        """The value of a way that somebody confirmed; "" while nobody did."""
        found = self.ways[way]
        return found.value if found.verified else ""


def body_of(organisation_id: int, slug: str) -> Listed:
    """One body. Raises BadInput when neither the shipped registers nor the organisation's own have it."""
    found = _listed(organisation_id, [slug])
    if not found:
        raise BadInput("body", slug, "a body that stands in the registers")
    return found[0]


def bodies_of(organisation_id: int, *, kind: str = "", words: str = "") -> list[Listed]:
    """The registers in their order, the organisation's own bodies behind those shipped: three queries, however many.

    Args:
        organisation_id: whose.
        kind: only bodies of this kind; "" for all.
        words: only bodies in whose name, prefecture, slug, network or host each of these words stands.
    """
    wanted = [word.casefold() for word in words.split()]
    found = []
    for one in _listed(organisation_id, None):
        told = " ".join((one.slug, one.name_ja, one.name_en, one.prefecture, *one.networks, *one.hosts)).casefold()
        if (not kind or one.kind == kind) and all(word in told for word in wanted):
            found.append(one)
    return found


def body_in(organisation_id: int, kind: str, prefecture: str) -> Listed | None:
    """The body of a kind for a prefecture (東京都); None where there is none."""
    return next((one for one in bodies_of(organisation_id, kind=kind) if one.prefecture == prefecture), None)


def providers_of(organisation_id: int, *, network: str = "", url: str = "") -> list[Listed]:
    """Operators and networks whose posts stand on a network or under an address; the longest host that fits comes first."""
    fits = [(one.runs(network, url), one) for one in bodies_of(organisation_id) if one.kind in ("operator", "network")]
    return [one for runs, one in sorted(fits, key=lambda fit: -fit[0]) if runs]


def must_be_verified(body: Listed, way: str) -> str:
    """The value of a way to which something may be sent.

    Raises BadInput for a way there is none of, Refused while no administrator confirmed it.
    """
    if way not in WAYS:
        raise BadInput("way", way, f"one of {', '.join(WAYS)}")
    value = body.verified(way)
    if not value:
        raise Refused(
            f"nobody confirmed the {_CALLED[way]} of {body.name_ja}; an administrator fills it in and confirms it in the registers"
        )
    return value


def official_accounts(organisation_id: int, network: str) -> frozenset[str]:
    """Handles (small letters, without @) and lasting ids of a network's official accounts."""
    own = OfficialAccount.objects.filter(organisation_id=organisation_id, network=network, withdrawn_at=None)
    pairs = [(one.handle, one.native_id) for one in shipped_accounts() if one.network == network]
    return frozenset(name for pair in (*pairs, *own.values_list("handle", "native_id")) for name in pair if name)


def official_accounts_of(organisation_id: int) -> list[OfficialAccount]:
    """The accounts that the organisation wrote down, by network and handle; those withdrawn are left out."""
    rows = OfficialAccount.objects.filter(organisation_id=organisation_id, withdrawn_at=None)
    return list(rows.select_related("by").order_by("network", "handle"))


def history_of(organisation_id: int, slug: str) -> list[Contact]:
    """Everything that was ever written down of a body, newest first."""
    rows = Contact.objects.filter(organisation_id=organisation_id, body=slug)
    return list(rows.select_related("by", "confirmed_by", "withdrawn_by").order_by("-pk"))


def _listed(organisation_id: int, slugs: list[str] | None) -> list[Listed]:
    shipped = shipped_bodies()
    own = Body.objects.filter(organisation_id=organisation_id, removed_at=None)
    rows = Contact.objects.filter(organisation_id=organisation_id)
    if slugs is not None:
        own, rows = own.filter(slug__in=slugs), rows.filter(body__in=slugs)
    contacts: dict[tuple[str, str], list[Contact]] = {}
    for row in rows.select_related("by", "confirmed_by", "withdrawn_by").order_by("-pk"):
        contacts.setdefault((row.body, row.way), []).append(row)
    found = []
    for one in shipped.values():
        if slugs is None or one.slug in slugs:
            verified = bool(one.source and one.checked_on)
            ways = {
                way: _way(way, contacts.get((one.slug, way), ()), one.contacts.get(way, ""), verified, one.source, one.checked_on)
                for way in WAYS
            }  # fmt: skip
            found.append(
                Listed(one.slug, one.kind, one.name_ja, one.name_en, one.prefecture, one.country, one.language, one.networks, one.hosts, ways, None)
            )  # fmt: skip
    for body in own.select_related("by").order_by("name_ja", "slug"):
        ways = {way: _way(way, contacts.get((body.slug, way), ())) for way in WAYS}
        found.append(
            Listed(body.slug, body.kind, body.name_ja, body.name_en, body.prefecture, body.country, body.language, tuple(body.networks), tuple(body.hosts), ways, body)
        )  # fmt: skip
    return found


def _way(
    name: str,
    rows: Iterable[Contact],
    value: str = "",
    verified: bool = False,
    source: str = "",
    checked_on: date | None = None,
) -> Way:
    """What rules: the newest row that was confirmed, else the newest that waits, else what is shipped."""
    rows = list(rows)  # newest first
    confirmed = next((row for row in rows if row.confirmed_at is not None), None)
    draft = next((row for row in rows if row.confirmed_at is None), None)
    if draft is not None and (draft.withdrawn_at is not None or (confirmed is not None and draft.pk < confirmed.pk)):
        draft = None
    if confirmed is not None:
        holds = confirmed.withdrawn_at is None
        return Way(name, confirmed.value, holds, confirmed.source, confirmed.checked_on, confirmed, draft)
    if draft is not None and not (verified and value):
        return Way(name, draft.value, False, "", None, draft, draft)
    return Way(name, value, verified and bool(value), source, checked_on, None, draft)
