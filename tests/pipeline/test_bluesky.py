"""500 posts on a real Bluesky server, read through its real firehose: 40 in scope, in threads, with pictures, edited, deleted."""

from __future__ import annotations

import random
import threading

import pytest

from tests.pipeline.soak import HARMLESS
from tests.pipeline.test_line import until
from tests.servers.jetstream import Jetstream
from tests.servers.pds import Pds
from yoake.casework.cases.models import Case, Post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system
from yoake.casework.sources.actions import add_source
from yoake.casework.sources.models import Source
from yoake.pipeline.line import patrol

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server, pytest.mark.slow]

PICTURE = bytes.fromhex(  # one grey pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
SUSPICIOUS = [
    "受け子募集 即日即金 日給10万 詳しくはテレグラムで {}",
    "【急募】UD案件 本日稼働できる方 高額保証 連絡はシグナル {}",
    "出し子 日当8万円 身分証あればOK DMください {}",
    "運びの仕事 全国で募集 1回10万 詳細はテレグラムで {}",
]


@pytest.mark.parametrize("way", ["bluesky_firehose", "bluesky_jetstream"])
def test_forty_of_five_hundred(pds: Pds, police: Organisation, way: str) -> None:
    pds.start()
    chance = random.Random(40)
    since = pds.sequence()
    with Jetstream(pds, since=since) as jetstream:
        options = (
            {"endpoints": jetstream.url}
            if way == "bluesky_jetstream"
            else {"endpoint": pds.firehose_url.partition("/xrpc")[0]}
        )
        source = add_source(system("command"), police, way, name=way, options=options)
        # a live source begins now: set its cursor to before the first post, as after an interruption
        Source.objects.filter(pk=source.pk).update(cursor=str(since) if way == "bluesky_firehose" else "1")
        writer, other = pds.writer(), pds.writer()
        harmless = other.post_many([f"{chance.choice(HARMLESS)} {n}" for n in range(455)])
        suspicious = writer.post_many([SUSPICIOUS[n % 4].format(n) for n in range(30)])
        suspicious += [writer.post(SUSPICIOUS[n % 4].format(n), reply_to=harmless[n]) for n in range(30, 36)]
        suspicious += [writer.post(SUSPICIOUS[n % 4].format(n), images=[PICTURE]) for n in range(36, 40)]
        replies = [other.post(f"寒いですね {n}", reply_to=harmless[n]) for n in range(5)]
        assert len(harmless) + len(suspicious) + len(replies) == 500
        other.like(harmless[0])
        writer.edit(suspicious[0].uri, "受け子募集 日給20万 テレグラムまで 書き直し")
        writer.delete(suspicious[1].uri)
        writer.delete(suspicious[2].uri)
        other.delete(harmless[3].uri)
        last = writer.post("受け子募集 これで最後 即金 テレグラム")
        jetstream.catch_up()

        stop, tell = until(lambda progress: progress.opened >= 41, timeout_s=60)
        patrol(source, stop, tell=tell)
        stored = {post.native_id: post for post in Post.objects.select_related("current")}
        assert set(stored) == {p.uri for p in suspicious} | {last.uri}
        assert Case.objects.count() == 41
        edited = stored[suspicious[0].uri].current
        assert edited is not None
        assert edited.text.endswith("書き直し")
        gone = {uri for uri, post in stored.items() if post.gone_state == "deleted_by_author"}
        assert gone == {suspicious[1].uri, suspicious[2].uri}
        replied = stored[suspicious[30].uri].current
        assert replied is not None
        assert replied.parent_id == harmless[30].uri
        pictured = stored[suspicious[36].uri].current
        assert pictured is not None
        assert len(pictured.images) == 1

        # an account that is taken down takes its posts along
        pds.takedown(writer.did)
        stop, tell = until(lambda progress: progress.counts["removed"] >= 39, timeout_s=30)
        patrol(source, stop, tell=tell)
        assert not Post.objects.filter(gone_state="").exists()
        assert threading.active_count() < 30
