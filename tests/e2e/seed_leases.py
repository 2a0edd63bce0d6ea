"""Another organisation on the same posts: `python -m tests.e2e.seed_leases`, then `… hold HANDLE`."""

from __future__ import annotations

import os
import sys
from datetime import timedelta

from tests.e2e.seed import PASSWORD, take


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    if sys.argv[1:2] == ["hold"]:
        hold(sys.argv[2])
    else:
        fill()


def fill() -> None:
    """Five posts that the police and a hotline both have; prints the numbers of the cases, the police's first."""
    from django.utils import timezone

    from yoake.casework.people.actions import add_user, found_organisation
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import system
    from yoake.casework.sources.models import Source

    command, now = system("command"), timezone.now()
    hotline = found_organisation(command, "架空ホットライン", Organisation.Kind.HOTLINE)
    user, _password = add_user(command, "suzuki", hotline, "analyst", password=PASSWORD, staff_number="N-88")
    User.objects.filter(pk=user.pk).update(last_name="鈴木", second_factor_from=now + timedelta(days=365))
    other = Source.objects.create(organisation=hotline, name="ホットラインのBluesky", connector="bluesky_jetstream")
    posts = [
        {
            "network": "bluesky",
            "native_id": f"at://did:plc:{'a' * 23}{n}/app.bsky.feed.post/3k{n}",
            "url": f"https://bsky.app/profile/did:plc:{'a' * 23}{n}/post/3k{n}",
            "author_id": f"did:plc:{'a' * 23}{n}",
            "author_handle": f"boshu{n}.example",
            "author_name": "募集担当",
            "text": f"闇バイト募集その{n}。受け子と出し子、日当{30 - n}万円、即日手渡し。テレグラムID: yami_{n}",
            "profile": "高額案件あり",
            "posted_at": now - timedelta(minutes=9 - n),
            "seen_at": now - timedelta(minutes=9 - n),
        }
        for n in range(1, 6)
    ]
    mine = take(Source.objects.get(organisation__name="架空県警察", name="Bluesky"), posts)
    print(*mine, *take(other, posts))


def hold(handle: str) -> None:
    """The police's supervisor holds an account."""
    from yoake.casework.cases.holds import place_hold
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of

    place_hold(actor_of(User.objects.get(username="sato")), "account", handle, network="bluesky", days=14)


if __name__ == "__main__":
    main()
