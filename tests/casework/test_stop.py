from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases import actions, stopped
from yoake.casework.cases.intake import store_post
from yoake.casework.cases.leases import take_lease
from yoake.casework.cases.models import (
    Account,
    Advice,
    Case,
    Claim,
    Finding,
    Lease,
    LegalHold,
    Note,
    Post,
    PostVersion,
    Stop,
)
from yoake.casework.cases.stop import again, clean, sealed_facts, stop, stop_address
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.clean_stopped import clean_stopped
from yoake.tables.posts import content_hash, posts_batch, uid_of

WORDS = "まもるべき秘密の言葉Zq7kXw"  # stands nowhere else
ADDRESS = "https://board.example/post/zq7kxw1"


@pytest.fixture(autouse=True)
def _list() -> Iterator[None]:
    """Every test begins without a list of what was stopped."""
    stopped.list_file().unlink(missing_ok=True)
    yield
    stopped.list_file().unlink(missing_ok=True)


def found_by(live: Source, native_id: str = "zq1", url: str = ADDRESS, **more: Any) -> Case:
    """A case of a post with words in every field."""
    row = post(
        native_id,
        f"{WORDS} 本文",
        url=url,
        author_id="zq-author",
        author_handle="zqhandle",
        author_name=f"{WORDS} 名",
        profile=f"{WORDS} 紹介",
        parent_text=f"{WORDS} 親",
        images=[{"ref": f"{ADDRESS}.png", "alt": f"{WORDS} 絵"}],
        **more,
    )
    span = {"text": WORDS, "start": 0, "end": 4, "field": "text", "cue": "lure", "weight": 1.0}
    taken = arrive(live, [row], [finding(spans=[span])])
    return Case.objects.get(pk=taken.opened[0])


def test_everything_goes_for_every_organisation_at_once(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, live: Source, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    case, other = found_by(live), found_by(theirs)
    assert case.post_id == other.post_id
    actions.decide(
        as_outsider, other.pk, "in_scope", version_id=other.post.current_id or 0, category_slug="criminal_recruitment",
        reason=WORDS, now=NOON,
    )  # fmt: skip
    Note.objects.create(case=case, by_id=as_analyst.user_id, at=NOON, text=WORDS)
    hold = LegalHold.objects.create(case=case, placed_by_id=as_supervisor.user_id, placed_at=NOON, ground="trial")

    row = stop(as_analyst, case.pk, NOON)

    kept = Post.objects.get(pk=case.post_id)
    assert kept.stopped_at == kept.erased_at == NOON
    assert (kept.url, kept.native_id, kept.account) == ("", "", None)
    assert {one.state for one in Case.objects.filter(post=kept)} == {"closed"}
    assert not Finding.objects.filter(version__post=kept).exists()
    assert not Note.objects.exists()
    assert not Account.objects.exists()
    version = PostVersion.objects.get(post=kept)
    assert (version.text, version.profile, version.parent_text, version.author_name, version.images) == (
        "",
        "",
        "",
        "",
        [],
    )
    assert not Case.objects.get(pk=other.pk).decisions.exclude(reason="").exists()
    hold.refresh_from_db()
    assert hold.lifted_at == NOON
    assert row.by_id == as_analyst.user_id
    assert row.organisation_id == as_analyst.organisation_id
    (entry,) = Entry.objects.filter(kind="stopped")
    assert entry.subject == f"post:{kept.pk}"
    assert WORDS not in json.dumps(entry.facts)
    assert first_break() is None


def test_only_a_supervisor_of_that_organisation_reads_the_address(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, live: Source
) -> None:
    row = stop(as_analyst, found_by(live).pk, NOON)
    assert ADDRESS.encode() not in bytes(row.sealed)
    assert sealed_facts(as_supervisor, row)["url"] == ADDRESS
    with pytest.raises(Refused):
        sealed_facts(as_analyst, row)
    with pytest.raises(BadInput):
        sealed_facts(as_outsider, row)
    assert Entry.objects.filter(kind="stopped_item_seen").count() == 1


def test_a_stopped_case_cannot_be_undone_or_decided_and_a_second_press_changes_nothing(
    as_analyst: Actor, live: Source
) -> None:
    case = found_by(live)
    version = case.post.current_id or 0
    first = stop(as_analyst, case.pk, NOON)
    assert stop(as_analyst, case.pk, NOON + timedelta(hours=1)) == first
    assert Stop.objects.get().at == NOON
    with pytest.raises(Refused):
        actions.decide(as_analyst, case.pk, "not_in_scope", version_id=version, now=NOON)
    with pytest.raises(Refused):
        actions.undo(as_analyst, case.pk, now=NOON)


@pytest.mark.parametrize("role", ["auditor", "partner", "adviser"])
def test_who_may_not(role: str, police: Organisation, live: Source) -> None:
    """An adviser may, but only what was put to them."""
    case = found_by(live)
    user = User.objects.create_user(role)
    Membership.objects.create(user=user, organisation=police, role=role)
    with pytest.raises((Refused, BadInput)):
        stop(actor_of(user), case.pk, NOON)
    assert Post.objects.get().stopped_at is None


def test_an_adviser_stops_what_was_put_to_them(police: Organisation, as_analyst: Actor, live: Source) -> None:
    case = found_by(live)
    user = User.objects.create_user("adviser")
    Membership.objects.create(user=user, organisation=police, role="adviser")
    Advice.objects.create(case=case, asked_by_id=as_analyst.user_id, asked_at=NOON, question=WORDS)
    stop(actor_of(user), case.pk, NOON)
    assert Advice.objects.get().question == ""


def test_nobody_stops_a_case_of_others(as_outsider: Actor, live: Source) -> None:
    case = found_by(live)
    with pytest.raises(BadInput):
        stop(as_outsider, case.pk, NOON)
    assert Post.objects.get().stopped_at is None


def test_no_network_brings_it_back(as_analyst: Actor, live: Source) -> None:
    case = found_by(live)
    stop(as_analyst, case.pk, NOON)
    again_row = post("zq1", f"{WORDS} edited", url=ADDRESS)
    taken = arrive(live, [again_row], [finding()], NOON + timedelta(minutes=1))
    assert taken.opened == []
    assert taken.counts["stopped"] == 1
    assert PostVersion.objects.get().text == ""
    # the same page under another identity: people enter it by its address, or another connector finds it
    with pytest.raises(Refused, match="stopped"):
        actions.add_by_hand(as_analyst, url=ADDRESS, text=WORDS, now=NOON)
    (web,) = posts_batch([post(ADDRESS, WORDS, url=ADDRESS, network="web")]).to_pylist()
    with pytest.raises(Refused, match="stopped"):
        store_post(web)
    assert Post.objects.count() == 1


def test_nobody_opens_a_case_on_it_by_hand(as_analyst: Actor, as_outsider: Actor, live: Source) -> None:
    """Also not another organisation, and not where its address is known as a network's post."""
    uri = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kabcdefgh222"
    url = "https://bsky.app/profile/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/post/3kabcdefgh222"
    (pk,) = arrive(live, [post(uri, WORDS, network="bluesky", url=url)], [finding()]).opened
    stop(as_analyst, pk, NOON)
    for actor in (as_analyst, as_outsider):
        with pytest.raises(Refused, match="stopped"):
            actions.add_by_hand(actor, url=url, now=NOON)
    assert [case.pk for case in Case.objects.all()] == [pk]


def test_a_text_that_was_typed_is_known_though_its_identity_is_keyed(as_analyst: Actor, as_outsider: Actor) -> None:
    case = actions.add_by_hand(as_analyst, text=WORDS, now=NOON).case
    first = stop(as_analyst, case.pk, NOON)
    assert Post.objects.get().uid != uid_of("hand", f"text/{content_hash(WORDS)}")
    assert stop(as_analyst, case.pk, NOON) == first
    for actor in (as_analyst, as_outsider):
        with pytest.raises(Refused, match="stopped"):
            actions.add_by_hand(actor, text=WORDS, now=NOON)
    assert Stop.objects.count() == Post.objects.count() == 1


@pytest.mark.parametrize("given", [{"text": WORDS}, {"text": WORDS, "url": ADDRESS}], ids=["text", "address"])
def test_it_goes_also_where_another_body_typed_it(given: dict[str, Any], as_analyst: Actor, as_outsider: Actor) -> None:
    """Each body has a post of its own for what it typed."""
    case = actions.add_by_hand(as_analyst, **given, now=NOON).case
    other = actions.add_by_hand(
        as_outsider, **{**given, "text": f"{WORDS} など"} if "url" in given else given, now=NOON
    ).case
    assert case.post_id != other.post_id
    stop(as_outsider, other.pk, NOON)
    assert not PostVersion.objects.exclude(text="").exists()
    assert not Post.objects.filter(stopped_at=None).exists()
    with pytest.raises(Refused, match="stopped"):
        actions.add_by_hand(as_analyst, **given, now=NOON)


def test_whoever_had_it_has_it_no_more(
    as_analyst: Actor, as_outsider: Actor, live: Source, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    case, other = found_by(live), found_by(theirs)
    take_lease(as_outsider, other.pk, NOON)
    stop(as_analyst, case.pk, NOON + timedelta(minutes=1))
    assert not Lease.objects.exists()
    claim = Claim.objects.get()
    assert (claim.ended_at, claim.how) == (NOON + timedelta(minutes=1), "released")


def test_an_address_that_nobody_stored_is_never_stored(
    as_administrator: Actor, as_analyst: Actor, live: Source
) -> None:
    (row,) = stop_address(as_administrator, ADDRESS, NOON)
    assert row.post is None
    assert sealed_facts(as_administrator, row)["url"] == ADDRESS
    with pytest.raises(Refused, match="stopped"):
        actions.add_by_hand(as_analyst, url=ADDRESS, text=WORDS, now=NOON)
    assert arrive(live, [post("other", WORDS, url=ADDRESS)], [finding()]).opened == []
    assert not Post.objects.exists()


def test_an_address_stops_every_post_that_has_it(as_administrator: Actor, live: Source) -> None:
    case = found_by(live)
    stop_address(as_administrator, ADDRESS, NOON)
    assert Post.objects.get(pk=case.post_id).stopped_at == NOON


def test_a_restored_backup_is_blanked_before_anything_is_shown(as_analyst: Actor, live: Source) -> None:
    case = found_by(live)
    stop(as_analyst, case.pk, NOON)
    Entry.objects.filter(kind="stopped").exists()
    # the backup is from before: the post has its words, and nothing in the database knows of the stop
    Stop.objects.all().delete()
    Case.objects.all().delete()
    Post.objects.all().delete()
    case = found_by_before_the_stop(live)
    assert again(NOON + timedelta(days=1)) == 1
    kept = Post.objects.get(pk=case.post_id)
    assert kept.stopped_at is not None
    assert PostVersion.objects.get(post=kept).text == ""
    row = Stop.objects.get()
    assert row.at == NOON
    assert row.by_id == as_analyst.user_id
    assert row.due_at is not None
    assert stopped.unseal(bytes(row.sealed))["url"] == ADDRESS
    assert again(NOON) == 0


def found_by_before_the_stop(live: Source) -> Case:
    """What the backup holds: taken in while the list is out of the way, as it was then."""
    hidden = stopped.list_file().rename(stopped.list_file().with_suffix(".hidden"))
    try:
        return found_by(live)
    finally:
        hidden.rename(stopped.list_file())


def test_a_backup_from_before_the_post_was_found_keeps_it_out_too(as_analyst: Actor, live: Source) -> None:
    stop(as_analyst, found_by(live).pk, NOON)
    Stop.objects.all().delete()
    Case.objects.all().delete()
    Post.objects.all().delete()
    assert again(NOON) == 0
    assert arrive(live, [post("zq1", WORDS, url=ADDRESS)], [finding()]).opened == []
    assert not Post.objects.exists()


def test_a_lost_list_is_written_anew_and_a_damaged_one_stops_the_start(as_analyst: Actor, live: Source) -> None:
    row = stop(as_analyst, found_by(live).pk, NOON)
    stopped.list_file().unlink()
    assert again(NOON) == 0
    assert row.key in stopped.read_list()
    assert stopped.list_file().stat().st_mode & 0o077 == 0
    stopped.list_file().write_text('{"key": "half', encoding="utf-8")
    with pytest.raises(Refused, match="line 1"):
        again(NOON)


def files_with(needles: list[bytes]) -> list[str]:
    """Every file of the data folder, and of a PostgreSQL server on this machine, in which one of them stands."""
    folders = [Path(settings.ENVIRONMENT.data)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
            cursor.execute("SHOW data_directory")
            (place,) = cursor.fetchone()
            cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")  # others test beside us
            folders.append(Path(place) / "base" / str(cursor.fetchone()[0]))
    found = []
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                raw = file.read_bytes()
                found += [f"{file.name}: {needle!r}" for needle in needles if needle in raw]
    return found


@pytest.mark.django_db(transaction=True)
def test_no_byte_is_left_in_any_file(as_analyst: Actor, live: Source) -> None:
    others = [post(f"o{i}", f"ほかの投稿 {i} " + "あ" * (i * 13 % 900), author_id=f"o{i}") for i in range(120)]
    arrive(live, others, [finding(i) for i in range(120)])
    case = found_by(live)
    arrive(live, [post("zq1", f"{WORDS} 書き直し", url=ADDRESS)], [], NOON + timedelta(minutes=1))  # two versions
    Note.objects.create(case=case, by_id=as_analyst.user_id, at=NOON, text=f"{WORDS} メモ")
    needles = [
        word.encode(code) for word in (WORDS, "zqhandle", "zq7kxw1") for code in ("utf-8", "utf-16-le", "utf-16-be")
    ]
    needles.append(json.dumps(WORDS)[1:-1].encode())  # as JSON columns hold it
    assert files_with(needles), "the words stand in no file before: the test would prove nothing"

    stop(as_analyst, case.pk)
    row = Stop.objects.get()
    for later in range(20):  # PostgreSQL waits for the transactions of others that test beside us
        assert clean_stopped(timezone.now() + timedelta(days=later)) == 1
        row.refresh_from_db()
        if row.cleaned_at is not None:
            break

    assert files_with(needles) == []
    assert row.cleaned_at is not None
    assert row.due_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("database", ["ours", "postgres"])
def test_cleaning_waits_for_transactions_begun_before(
    as_analyst: Actor, live: Source, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's snapshots")
    monkeypatch.setattr("yoake.casework.cases.stop._TRIES", 2)
    other = connection.copy()
    if database != "ours":
        other.settings_dict = {**other.settings_dict, "NAME": database}
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")  # as a writer has one
            stop(as_analyst, found_by(live).pk)
            assert clean_stopped(timezone.now()) == 1
            row = Stop.objects.get()
            assert row.cleaned_at is None
            assert "begun before" in row.problem
            cursor.execute("COMMIT")
    finally:
        other.close()
    monkeypatch.undo()
    for later in range(1, 20):
        clean_stopped(timezone.now() + timedelta(days=later))
        row.refresh_from_db()
        if row.cleaned_at is not None:
            break
    assert row.cleaned_at is not None


@pytest.mark.django_db(transaction=True)
def test_cleaning_leaves_the_rest_as_it_was(as_analyst: Actor, live: Source) -> None:
    rows = [post(f"o{i}", f"ほかの投稿 {i}", author_id=f"o{i}") for i in range(10)]
    arrive(live, rows, [finding(i) for i in range(10)])
    stop(as_analyst, found_by(live).pk)
    clean()
    assert sorted(PostVersion.objects.exclude(text="").values_list("text", flat=True)) == sorted(
        f"ほかの投稿 {i}" for i in range(10)
    )
    assert first_break() is None
