"""The registers: what is shipped, what an organisation lays over it, and that nothing unconfirmed is ever used."""

from __future__ import annotations

from datetime import timedelta

import pyrage
import pytest

from tests.world import NOON
from yoake.casework.audit.models import Entry
from yoake.casework.people.queries import Actor
from yoake.casework.registers import actions, queries
from yoake.casework.registers.keys import fingerprint
from yoake.casework.registers.models import Contact, Kind
from yoake.casework.registers.shipped import ShippedBody, shipped_accounts, shipped_bodies
from yoake.detect.text.extraction import prefectures
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

POLICE = "police_osaka"
DAY = "2026-11-19"


def filled(actor: Actor, way: str, value: str, slug: str = POLICE) -> Contact:
    contact = actions.fill_in(actor, slug, way, value, NOON)
    return actions.confirm(actor, contact.pk, "架空の案内ページ", DAY, NOON)


def test_what_is_shipped_is_complete_and_says_nothing_unverified() -> None:
    bodies = shipped_bodies()
    for kind in (Kind.PREFECTURAL_POLICE, Kind.LABOUR_BUREAU):
        assert [body.prefecture for body in bodies.values() if body.kind == kind] == prefectures()
    assert sum(body.kind == Kind.OPERATOR for body in bodies.values()) == 9
    for body in bodies.values():
        assert body.name_ja
        assert body.name_en
        assert set(body.contacts) <= {"telephone"}, "no source at hand gives an address"
        assert not body.source
        assert body.language in ("ja", "en")
    assert {body.contacts["telephone"] for body in bodies.values() if body.contacts} == {"110", "#9110", "189"}
    assert shipped_accounts() == ()


def test_nothing_is_used_before_an_administrator_confirmed_it(
    as_administrator: Actor, as_supervisor: Actor, as_outsider: Actor
) -> None:
    org = as_administrator.organisation_id
    with pytest.raises(Refused, match="nobody confirmed the mail address"):
        queries.must_be_verified(queries.body_of(org, POLICE), "email")
    draft = actions.fill_in(as_supervisor, POLICE, "email", "report@osaka.example", NOON)
    with pytest.raises(Refused, match="nobody confirmed"):
        queries.must_be_verified(queries.body_of(org, POLICE), "email")
    with pytest.raises(Refused, match="does not allow"):
        actions.confirm(as_supervisor, draft.pk, "案内ページ", DAY, NOON)
    actions.confirm(as_administrator, draft.pk, "  架空の\n案内ページ ", DAY, NOON)
    body = queries.body_of(org, POLICE)
    assert queries.must_be_verified(body, "email") == "report@osaka.example"
    assert body.ways["email"].source == "架空の 案内ページ"
    assert str(body.ways["email"].checked_on) == DAY
    other = queries.body_of(as_outsider.organisation_id, POLICE)
    with pytest.raises(Refused):
        queries.must_be_verified(other, "email")
    kinds = Entry.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["contact_filled_in", "contact_confirmed"]
    assert "osaka.example" not in str(list(Entry.objects.values_list("facts", flat=True)))


@pytest.mark.parametrize(
    ("where_from", "checked_on"),
    [
        ("", DAY),
        ("ページ", ""),
        ("ページ", "2026-11-21"),
        ("ページ", "yesterday"),
        ("ページ", "2019-12-31"),
        ("あ" * 301, DAY),
    ],
)
def test_a_confirmation_needs_its_two_facts(as_administrator: Actor, where_from: str, checked_on: str) -> None:
    draft = actions.fill_in(as_administrator, POLICE, "email", "report@osaka.example", NOON)
    with pytest.raises(BadInput):
        actions.confirm(as_administrator, draft.pk, where_from, checked_on, NOON)
    assert not queries.body_of(as_administrator.organisation_id, POLICE).verified("email")


def test_a_newer_value_waits_and_what_was_confirmed_holds_until_then(as_administrator: Actor) -> None:
    org = as_administrator.organisation_id
    filled(as_administrator, "email", "old@osaka.example")
    newer = actions.fill_in(as_administrator, POLICE, "email", "new@osaka.example", NOON)
    way = queries.body_of(org, POLICE).ways["email"]
    assert (way.value, way.verified) == ("old@osaka.example", True)
    assert way.draft == newer
    again = actions.fill_in(as_administrator, POLICE, "email", "newest@osaka.example", NOON)
    with pytest.raises(BadInput):  # another draft took its place
        actions.confirm(as_administrator, newer.pk, "ページ", DAY, NOON)
    actions.confirm(as_administrator, again.pk, "ページ", DAY, NOON)
    assert queries.body_of(org, POLICE).verified("email") == "newest@osaka.example"
    with pytest.raises(Refused, match="stands there already"):
        actions.fill_in(as_administrator, POLICE, "email", "newest@osaka.example", NOON)


def test_withdrawing_ends_it_and_brings_nothing_older_back(as_administrator: Actor) -> None:
    org = as_administrator.organisation_id
    filled(as_administrator, "email", "old@osaka.example")
    filled(as_administrator, "email", "new@osaka.example")
    actions.withdraw(as_administrator, POLICE, "email", NOON)
    way = queries.body_of(org, POLICE).ways["email"]
    assert not way.verified
    with pytest.raises(Refused, match="nobody confirmed"):
        queries.must_be_verified(queries.body_of(org, POLICE), "email")
    with pytest.raises(Refused, match="nothing to take back"):
        actions.withdraw(as_administrator, POLICE, "email", NOON)
    filled(as_administrator, "email", "old@osaka.example")  # it may be right again
    assert queries.body_of(org, POLICE).verified("email") == "old@osaka.example"
    assert len(queries.history_of(org, POLICE)) == 3


def test_what_is_shipped_as_verified_holds_until_it_is_withdrawn(
    as_administrator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {**vars(shipped_bodies()[POLICE]), "contacts": {"email": "shipped@osaka.example"}}
    sure = ShippedBody(**{**told, "source": "架空の出典", "checked_on": NOON.date()})
    monkeypatch.setattr(queries, "shipped_bodies", lambda: {POLICE: sure})
    org = as_administrator.organisation_id
    assert queries.must_be_verified(queries.body_of(org, POLICE), "email") == "shipped@osaka.example"
    actions.withdraw(as_administrator, POLICE, "email", NOON)
    assert not queries.body_of(org, POLICE).verified("email")
    unsure = ShippedBody(**told)
    monkeypatch.setattr(queries, "shipped_bodies", lambda: {POLICE: unsure})
    Contact.objects.all().delete()
    assert not queries.body_of(org, POLICE).verified("email")


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("email", "nobody"),
        ("email", "a@b.example, c@d.example"),
        ("form", "http://form.example/"),
        ("form", "https://user@form.example/"),
        ("form", "javascript:alert(1)"),
        ("form", "https://form.example/ a"),
        ("telephone", "1"),
        ("telephone", "03-12"),
        ("address", ""),
        ("address", "あ" * 301),
        ("public_key", "age1zzzz"),
        ("public_key", "ssh-rsa AAAA"),
        ("fax", "1"),
    ],
)
def test_what_is_none_of_its_way_is_refused(as_administrator: Actor, way: str, value: str) -> None:
    with pytest.raises(BadInput):
        actions.fill_in(as_administrator, POLICE, way, value, NOON)


def test_telephones_as_people_write_them(as_administrator: Actor) -> None:
    for number in ("#9110", "110", "+81 3-3581-0141", "03-3581-0141"):
        assert actions.fill_in(as_administrator, POLICE, "telephone", number, NOON).value == number


def test_a_public_key_is_checked_and_a_private_one_never_repeated(as_administrator: Actor) -> None:
    pair = pyrage.x25519.Identity.generate()
    with pytest.raises(BadInput) as refused:
        actions.fill_in(as_administrator, POLICE, "public_key", str(pair), NOON)
    assert "SECRET" not in str(refused.value)
    filled(as_administrator, "public_key", f" {pair.to_public()}\n")
    kept = queries.body_of(as_administrator.organisation_id, POLICE).verified("public_key")
    assert kept == str(pair.to_public())
    assert fingerprint(kept).replace(" ", "") == kept


def test_bodies_of_ones_own(as_administrator: Actor, as_supervisor: Actor, as_outsider: Actor) -> None:
    org = as_administrator.organisation_id
    add = {"name_ja": "架空求人", "name_en": "Example Jobs", "hosts": "www.Jobs.example, work.example"}
    body = actions.add_body(as_supervisor, "example_jobs", "network", **add, now=NOON)
    assert body.hosts == ["jobs.example", "work.example"]
    for taken in ("example_jobs", "google"):
        with pytest.raises(Refused, match="already"):
            actions.add_body(as_supervisor, taken, "network", **add, now=NOON)
    assert [one.slug for one in queries.providers_of(org, url="https://m.jobs.example/ad/1")] == ["example_jobs"]
    assert queries.providers_of(as_outsider.organisation_id, url="https://jobs.example/ad/1") == []
    assert [one.slug for one in queries.bodies_of(org, words="架空 jobs")] == ["example_jobs"]
    filled(as_administrator, "form", "https://jobs.example/report", "example_jobs")
    actions.remove_body(as_administrator, "example_jobs", NOON)
    with pytest.raises(BadInput):
        queries.body_of(org, "example_jobs")
    actions.add_body(as_supervisor, "example_jobs", "network", **add, now=NOON)
    assert not queries.body_of(org, "example_jobs").verified("form"), "it may be another body now"
    with pytest.raises(BadInput):
        actions.remove_body(as_administrator, "google", NOON)


def test_whose_posts_stand_where(as_administrator: Actor) -> None:
    org = as_administrator.organisation_id
    add = {"name_ja": "架空ブログ", "name_en": "Example Blogs"}
    actions.add_body(as_administrator, "wide", "network", **add, hosts="blogs.example", now=NOON)
    actions.add_body(as_administrator, "narrow", "network", **add, hosts="a.blogs.example", now=NOON)
    found = [one.slug for one in queries.providers_of(org, url="https://x.a.blogs.example/1")]
    assert found == ["narrow", "wide"]
    assert [one.slug for one in queries.providers_of(org, url="https://notblogs.example/1")] == []
    assert [one.slug for one in queries.providers_of(org, network="x", url="https://x.com/a/status/1")] == ["x"]
    bureau = queries.body_in(org, Kind.LABOUR_BUREAU, "沖縄県")
    assert bureau is not None
    assert bureau.name_ja == "沖縄労働局"


def test_official_accounts(as_administrator: Actor, as_outsider: Actor) -> None:
    org = as_administrator.organisation_id
    add = ("架空県警", "架空の案内ページ", DAY)
    account = actions.add_official_account(as_administrator, "x", "@Kakuu_Police", *add, native_id="42", now=NOON)
    assert queries.official_accounts(org, "x") == {"kakuu_police", "42"}
    assert queries.official_accounts(org, "bluesky") == frozenset()
    assert queries.official_accounts(as_outsider.organisation_id, "x") == frozenset()
    with pytest.raises(Refused, match="already"):
        actions.add_official_account(as_administrator, "x", "kakuu_police", *add, now=NOON)
    for handle in ("", "two words", "a@b@c"):
        with pytest.raises(BadInput):
            actions.add_official_account(as_administrator, "x", handle, *add, now=NOON)
    actions.withdraw_official_account(as_administrator, account.pk, NOON + timedelta(days=1))
    assert queries.official_accounts(org, "x") == frozenset()
    assert queries.official_accounts_of(org) == []


def test_a_list_takes_as_many_queries_as_one(as_administrator: Actor, django_assert_num_queries: object) -> None:
    for prefecture in ("osaka", "tokyo", "kyoto"):
        filled(as_administrator, "email", f"report@{prefecture}.example", f"police_{prefecture}")
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(queries.bodies_of(as_administrator.organisation_id)) == len(shipped_bodies())
