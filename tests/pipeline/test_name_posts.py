"""An address with a handle, entered by hand, becomes the post that a patrol finds: on a real Bluesky server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.servers.pds import Pds, Writer
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import add_by_hand, decide
from yoake.casework.cases.models import Case, Naming, Post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.pipeline.duties.name_posts import name_posts
from yoake.tables.posts import uid_of

pytestmark = [pytest.mark.django_db, pytest.mark.server, pytest.mark.slow]

LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def writer(pds: Pds) -> Writer:
    pds.start()
    return pds.writer()


@pytest.fixture
def network(pds: Pds, writer: Writer, police: Organisation) -> Source:
    """A source of the organisation that has read this network."""
    options = {"endpoints": ["ws://127.0.0.1:9"], "api": pds.url, "plc": pds.plc_url}
    source = Source.objects.create(organisation=police, name="b", connector="bluesky_jetstream", options=options)
    arrive(source, [_row("at://did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/app.bsky.feed.post/3aaa")], [finding()])
    return source


def _row(uri: str, text: str = "受け子募集", **more: Any) -> dict[str, Any]:
    did, key = uri.split("/")[2], uri.split("/")[4]
    return post(uri, text, network="bluesky", url=f"https://bsky.app/profile/{did}/post/{key}", author_id=did, **more)


def entered(actor: Actor, writer: Writer, uri: str) -> Case:
    """The address as people copy it."""
    url = f"https://bsky.app/profile/{writer.handle}/post/{uri.split('/')[4]}"
    return add_by_hand(actor, url=url, text="受け子募集", now=NOON).case


def test_it_gets_the_networks_name_and_the_patrol_knows_it(network: Source, writer: Writer, as_analyst: Actor) -> None:
    uri = writer.post("受け子募集").uri
    case = entered(as_analyst, writer, uri)
    assert name_posts(LATER) == 1
    kept = Post.objects.get(pk=case.post_id)
    assert (kept.uid, kept.network, kept.native_id) == (uid_of("bluesky", uri), "bluesky", uri)
    assert not Naming.objects.exists()
    arrive(network, [_row(uri)], [finding()], LATER)
    assert Post.objects.filter(network="bluesky").count() == 2  # this one, and what the source read before
    assert first_break() is None


def test_it_joins_the_post_that_a_patrol_found(
    network: Source, writer: Writer, as_analyst: Actor, as_outsider: Actor
) -> None:
    uri = writer.post("受け子募集").uri
    arrive(network, [_row(uri)], [finding()])
    found = Case.objects.get(post__native_id=uri)
    own = {"connector": network.connector, "options": network.options}  # a body asks by sources of its own
    theirs_too = Source.objects.create(name="theirs", organisation_id=as_outsider.organisation_id, **own)
    arrive(theirs_too, [_row(writer.post("受け子募集 別の投稿").uri)], [finding()])
    mine, theirs = entered(as_analyst, writer, uri), entered(as_outsider, writer, uri)
    assert len({mine.post_id, theirs.post_id, found.post_id}) == 3  # what a body typed stays its own
    name_posts(LATER)
    assert not Case.objects.filter(pk=mine.pk).exists()  # the organisation had it already
    assert Case.objects.get(pk=theirs.pk).post_id == found.post_id
    assert not Post.objects.filter(pk__in=(mine.post_id, theirs.post_id)).exists()


def test_what_was_decided_stays_where_it_was_read(network: Source, writer: Writer, as_analyst: Actor) -> None:
    uri = writer.post("受け子募集").uri
    arrive(network, [_row(uri)], [finding()])
    mine = entered(as_analyst, writer, uri)
    decide(as_analyst, mine.pk, "cannot_tell", version_id=mine.post.current_id or 0, now=NOON)
    name_posts(LATER)
    assert Case.objects.get(pk=mine.pk).post_id == mine.post_id
    assert not Naming.objects.exists()


def test_a_handle_nobody_has_changes_nothing(network: Source, as_analyst: Actor) -> None:
    added = add_by_hand(as_analyst, url="https://bsky.app/profile/nobody.test/post/3aaa", text="受け子募集", now=NOON)
    name_posts(LATER)
    assert Post.objects.get(pk=added.case.post_id).network == "web"
    assert not Naming.objects.exists()


def test_without_a_source_nobody_is_asked(writer: Writer, as_analyst: Actor) -> None:
    case = entered(as_analyst, writer, writer.post("受け子募集").uri)
    now = LATER
    for _ in range(6):
        assert name_posts(now) == 1
        row = Naming.objects.filter(post=case.post_id).first()
        now = (row.due_at if row else None) or now
    assert not Naming.objects.exists()
    assert Post.objects.get(pk=case.post_id).network == "web"
