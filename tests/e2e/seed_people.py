"""People and audit of a server under test: `python -m tests.e2e.seed_people`, after `tests.e2e.seed`. All invented."""

from __future__ import annotations

import os


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    import django

    django.setup()
    from datetime import timedelta

    from django.utils import timezone

    from tests.e2e.seed import PASSWORD
    from yoake.casework.cases.advice import ask_advice
    from yoake.casework.cases.models import Case
    from yoake.casework.people.actions import add_user, deactivate
    from yoake.casework.people.invitations import invite
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import actor_of, system

    police = Organisation.objects.get(name="架空県警察")
    people = (("bengo", "弁護士 春野", "adviser"), ("tomo", "連携先 夏目", "partner"), ("yameta", "秋山", "analyst"))
    for name, called, role in people:
        user, _ = add_user(system("command"), name, police, role, password=PASSWORD)
        later = timezone.now() + timedelta(days=365)
        User.objects.filter(pk=user.pk).update(last_name=called, second_factor_from=later)
    administrator = actor_of(User.objects.get(username="kanri"))
    deactivate(administrator, User.objects.get(username="yameta").pk)
    invite(administrator, name="冬木", role="analyst", staff_number="B-2041")
    tanaka = actor_of(User.objects.get(username="tanaka"))
    for case in Case.objects.filter(practice=False, state="waiting").order_by("pk")[:2]:
        ask_advice(
            tanaka,
            case.pk,
            "仕事の内容を示さずに高い報酬だけを示す募集です。職業安定法の有害業務に当たると言えますか。",
        )


if __name__ == "__main__":
    main()
