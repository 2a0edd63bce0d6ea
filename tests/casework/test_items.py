"""The same post by hand, by another body's hand and by patrol is one Post; what is no single post is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import NOON, arrive, finding, post
from yoake.casework.cases.actions import add_by_hand, decide
from yoake.casework.cases.models import Account, Case, Check, Post
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput
from yoake.tables.posts import uid_of

pytestmark = pytest.mark.django_db

DID = "did:plc:abcdefghijklmnopqrstuvwx"
URI = f"at://{DID}/app.bsky.feed.post/3l2abcxyz22"
WEB = f"https://bsky.app/profile/{DID}/post/3l2abcxyz22"
LATER = NOON + timedelta(hours=1)


def test_entered_first_and_found_by_patrol_later(live: Source, as_analyst: Actor) -> None:
    added = add_by_hand(as_analyst, url=f"{WEB}?utm_source=x", text="受け子募集", now=NOON)
    arrive(live, [post(URI, "受け子募集", network="bluesky", url=WEB, author_id=DID)], [finding()], LATER)
    kept = Post.objects.get()
    assert kept.uid == uid_of("bluesky", URI)
    assert Case.objects.get() == added.case
    assert kept.versions.count() == 1


def test_found_by_patrol_and_entered_later_by_its_handle(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    row = post(URI, network="bluesky", url=WEB, author_id=DID, author_handle="someone.example")
    arrive(live, [row], [finding()])
    added = add_by_hand(as_analyst, url="https://bsky.app/profile/someone.example/post/3l2abcxyz22", now=LATER)
    assert added.was_there
    other = add_by_hand(as_outsider, url=URI, now=LATER)  # another body has its own case of the same post
    assert (Post.objects.count(), Case.objects.count()) == (1, 2)
    assert other.case.post_id == added.case.post_id


@pytest.mark.parametrize("url", ["https://mstdn.example/@someone/112233", "https://www.instagram.com/p/C9abc/"])
def test_a_post_that_only_its_address_names_becomes_the_networks(live: Source, as_analyst: Actor, url: str) -> None:
    added = add_by_hand(as_analyst, url=f"{url}?utm_source=x", text="受け子募集", now=NOON)
    version = added.case.post.current_id or 0
    decide(as_analyst, added.case.pk, "in_scope", version_id=version, category_slug="drug_ad", now=NOON)
    assert set(Check.objects.values_list("hand", flat=True)) == {"no_source"}
    arrive(live, [post("other", network="net", author_id="b")], [finding()])  # the source reads this network
    row = post("id-12", "受け子募集 全国", network="net", url=url, author_id="a")
    arrive(live, [row], [finding()], LATER)
    kept = Post.objects.get(uid=uid_of("net", "id-12"))
    assert kept.pk == added.case.post_id
    assert (kept.network, kept.native_id) == ("net", "id-12")
    assert kept.account == Account.objects.get(native_id="a")
    assert kept.current is not None
    assert kept.current.text == "受け子募集 全国"  # what the network says now, beside what was typed
    assert kept.versions.count() == 2
    assert set(Check.objects.values_list("hand", "source__name")) == {("", "live")}
    arrive(live, [row], [finding()], LATER)
    assert Post.objects.count() == 2


def test_what_a_feed_brought_stays_the_feeds(live: Source, as_analyst: Actor) -> None:
    url = "https://mstdn.example/@someone/112233"
    arrive(live, [post(url, network="web", url=url)], [finding()])
    arrive(live, [post("id-12", network="net", url=url)], [finding()], LATER)
    assert set(Post.objects.values_list("network", flat=True)) == {"web", "net"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://x.com/search?q=a", "a search or a hashtag; the hotline takes one item URL"),
        ("https://bsky.app/profile/someone.example", "a profile; the hotline takes one item URL"),
        ("https://files.example/screen.png", "no screenshot"),
    ],
)
def test_what_names_no_single_post_is_refused_in_a_sentence(as_analyst: Actor, url: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        add_by_hand(as_analyst, url=url, text="受け子募集", now=NOON)
    assert not Post.objects.exists()
