"""Somebody who needs help, a hand-over, a letter, objections to it: `python -m tests.e2e.seed_help`.

All invented. Prints the number of the case, of a hand-over that waits for an answer, of an objection, and a letter's code.
"""

from __future__ import annotations

import os
from datetime import timedelta


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from tests.e2e.seed_report import arrived
    from yoake.casework.appeal.lodging import lodge, proved
    from yoake.casework.cases.actions import decide
    from yoake.casework.help import actions
    from yoake.casework.outbox.actions import draft
    from yoake.casework.outbox.codes import code_of
    from yoake.casework.outbox.models import OutboxItem, Sender
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.casework.registers.actions import confirm, fill_in
    from yoake.casework.sources.models import Source
    from yoake.casework.wording.actions import set_letterhead
    from yoake.pipeline.duties.outcomes import outcomes
    from yoake.pipeline.duties.send import send

    now, live = timezone.now(), Source.objects.get(name="Bluesky")
    tanaka, sato, kanri = (actor_of(User.objects.get(username=name)) for name in ("tanaka", "sato", "kanri"))
    set_letterhead(sato, "架空県警察サイバー課", "Example Police, Cyber Division", "000-000-0000")
    confirm(kanri, fill_in(sato, "police_consultation", "telephone", "#9110").pk, "架空の案内ページ", "2026-11-01")
    Sender.objects.create(
        organisation_id=kanri.organisation_id, channel="bluesky", name="広報", added_by_id=kanri.user_id, added_at=now
    )
    cases = []
    for n in range(2):
        case = arrived(
            live, "coerced_applicant", f"help/{n}", now - timedelta(minutes=60), author_id=f"h{n}",
            author_handle=f"help{n}.example", author_name="架空の人", text="応募して身分証を送った。抜けられない、誰か助けて",
            url=f"https://bsky.app/profile/help{n}.example/post/3k{n}",
        )  # fmt: skip
        decide(
            tanaka, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="coerced_applicant",
            now=now - timedelta(minutes=40 - n),
        )  # fmt: skip
        cases.append(case)
    made = actions.hand_to_desk(tanaka, cases[1].pk, "police_consultation")
    while send(timezone.now()):
        pass
    actions.told(tanaka, made.pk)
    joke = arrived(
        live, "criminal_recruitment", "help/9", now - timedelta(hours=5), author_id="j", author_handle="joke.example",
        author_name="冗談好き", text="高額バイト（冗談）", url="https://bsky.app/profile/joke.example/post/3kj",
    )  # fmt: skip
    decide(
        tanaka, joke.pk, "in_scope", version_id=joke.post.current_id or 0, category_slug="criminal_recruitment",
        now=now - timedelta(hours=4),
    )  # fmt: skip
    words = "この投稿は、犯罪に関わる人の募集にあたるおそれがあります。"
    item = draft(
        tanaka, joke.pk, "warning", channel="by_hand", way="hand", to={"url": joke.post.url}, body={"text": words}
    )
    OutboxItem.objects.filter(pk=item.pk).update(
        state="sent", sent_at=now - timedelta(hours=3), approved_by=tanaka.user_id
    )
    theirs = lodge(code_of(item.pk), "author", "冗談でした。<b>募集ではありません</b>", "joke@mail.example")
    proved(theirs.pk, timezone.now())
    lodge(code_of(item.pk), "third", "友人の冗談だと思います。")
    outcomes(timezone.now())
    print(cases[0].pk, made.pk, theirs.pk, code_of(item.pk))


if __name__ == "__main__":
    main()
