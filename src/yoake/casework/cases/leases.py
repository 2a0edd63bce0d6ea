"""Having a case before one: taking it, keeping it, giving it back, handing it on. The history is kept as Claims.

A lease lasts ten minutes and is kept while the page is open and somebody is there; whoever needs longer asks for half
an hour. Another body learns only that the post is held.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.folds import come_out_alone
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.models import Account, AccountLease, Case, Claim, Lease, Post
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, working
from yoake.errors import BadInput, Refused

LEASE = timedelta(minutes=10)
LONGER = timedelta(minutes=30)

End = Claim.End


def take_lease(actor: Actor, case_id: int, now: datetime | None = None) -> Lease:
    """Says that this person reads the post now, for ten minutes; taking it again keeps it for ten more.

    Raises Refused while somebody else holds it, in this organisation or another (then without saying who).
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        return _take(actor, locked(actor, case_id), now, LEASE)


def extend_lease(actor: Actor, case_id: int, now: datetime | None = None) -> Lease:
    """The same for half an hour, also while nobody touches the page: for a telephone call, or a question to somebody."""
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = locked(actor, case_id)
        lease = _take(actor, case, now, LONGER)
        _open_claims(case, lease.user_id).update(extended=F("extended") + 1)
        note("lease_extended", actor, case, now)
    return lease


def release_lease(actor: Actor, case_id: int, now: datetime | None = None) -> None:
    """Gives the post back before its time; harmless when it was not held."""
    now = now or timezone.now()
    with transaction.atomic():
        case = locked(actor, case_id)
        if end_lease(case, actor.user_id, End.RELEASED, now):
            note("lease_released", actor, case, now)


def skip(actor: Actor, case_id: int, now: datetime | None = None) -> None:
    """Leaves the case to others, for now; that is kept, whether the person held it or not.

    Raises Refused when it is decided already.
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = locked(actor, case_id)
        _must_wait(case)
        if not end_lease(case, person(actor), End.SKIPPED, now):
            Claim.objects.create(case=case, user_id=person(actor), taken_at=now, ended_at=now, how=End.SKIPPED)
        note("skipped", actor, case, now)


def hand_on(actor: Actor, case_id: int, to: int = 0, now: datetime | None = None) -> None:
    """Hands the case to a colleague (their id), or to nobody in particular (0); nobody asks why.

    It then waits among the colleague's; whoever handed it on is not led to it again.

    Raises Refused when it is decided already or somebody else holds it, BadInput when `to` is no colleague who decides.
    """
    now = now or timezone.now()
    actor.must("decide")
    if to and not colleagues(actor).filter(pk=to).exists():
        raise BadInput("colleague", to, "somebody of your organisation who may decide cases")
    with transaction.atomic():
        case = locked(actor, case_id)
        _must_wait(case)
        must_be_free(actor, post=case.post, inside=True, now=now)
        if not end_lease(case, person(actor), End.HANDED_ON, now):
            Claim.objects.create(case=case, user_id=person(actor), taken_at=now, ended_at=now, how=End.HANDED_ON)
        case.assignee_id = to or None
        case.save(update_fields=["assignee"])
        come_out_alone(case)
        note("handed_on", actor, case, now, to=to)


def assign_to_oneself(actor: Actor, case_id: int, now: datetime | None = None) -> None:
    """The case waits among one's own, whoever's it was; nobody else is kept from it. Raises Refused as `hand_on` does."""
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = locked(actor, case_id)
        _must_wait(case)
        must_be_free(actor, post=case.post, inside=True, now=now)
        case.assignee_id = person(actor)
        case.save(update_fields=["assignee"])
        come_out_alone(case)
        note("assigned", actor, case, now, to=person(actor))


def colleagues(actor: Actor) -> QuerySet[User]:
    """People of the actor's organisation who may decide, without the actor, by name."""
    of_here = working(actor.organisation_id, "decide")
    people = User.objects.filter(pk__in=of_here.values("user_id")).exclude(pk=actor.user_id)
    return people.order_by("last_name", "first_name", "username")


def claims_of(actor: Actor, case: Case) -> list[Claim]:
    """Who had the case, from when to when, oldest first; for those who may see it."""
    actor.must("oversee")
    own = Claim.objects.filter(case=case, case__organisation_id=actor.organisation_id)
    return list(own.select_related("user").order_by("taken_at", "pk"))


def end_lease(case: Case, user_id: int, how: str, now: datetime) -> bool:
    """Ends the person's lease, if they have one that still runs, and its claim; call it with the post locked.

    One that ran out before is kept as that, with the time at which it did.
    """
    lease = Lease.objects.filter(post_id=case.post_id, user_id=user_id, organisation_id=case.organisation_id).first()
    if lease is None:
        return False
    runs = lease.expires_at > now
    _close(lease, now if runs else lease.expires_at, how if runs else End.EXPIRED)
    return runs


def expire_leases(now: datetime, limit: int = 200) -> int:
    """Ends leases whose time is over, with the time at which it was; returns how many."""
    ended = 0
    for lease_id, post_id in list(Lease.objects.filter(expires_at__lte=now).values_list("pk", "post_id")[:limit]):
        with transaction.atomic():
            Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
            lease = Lease.objects.filter(pk=lease_id, expires_at__lte=now).first()
            if lease is not None:
                _close(lease, lease.expires_at, End.EXPIRED)
                ended += 1
    AccountLease.objects.filter(expires_at__lte=now).delete()
    return ended


# --- accounts -------------------------------------------------------------------------------------------------------


def take_account_lease(actor: Actor, account_id: int, now: datetime | None = None) -> AccountLease:
    """Says that this person acts towards the account now, for ten minutes.

    Acts of other bodies towards it and towards its posts are refused meanwhile. Raises Refused while somebody else holds it.
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        account = Account.objects.select_for_update().filter(pk=account_id).first()
        if account is None:
            raise BadInput("account", account_id, "there is no such account")
        must_be_free(actor, account=account, now=now)
        lease, made = AccountLease.objects.get_or_create(
            account=account,
            defaults={
                "organisation_id": organisation(actor),
                "user_id": person(actor),
                "taken_at": now,
                "expires_at": now + LEASE,
            },
        )
        fresh = made or lease.expires_at <= now
        if not made:
            lease.organisation_id, lease.user_id, lease.expires_at = organisation(actor), person(actor), now + LEASE
            lease.taken_at = now if fresh else lease.taken_at
            lease.save()
        if fresh:
            _note_account("account_lease_taken", actor, account_id, now)
    return lease


def release_account_lease(actor: Actor, account_id: int, now: datetime | None = None) -> None:
    """Gives the account back; harmless when it was not held."""
    now = now or timezone.now()
    with transaction.atomic():
        if AccountLease.objects.filter(account_id=account_id, user_id=actor.user_id).delete()[0]:
            _note_account("account_lease_released", actor, account_id, now)


def _take(actor: Actor, case: Case, now: datetime, least: timedelta) -> Lease:
    must_be_free(actor, post=case.post, inside=True, now=now)
    lease = Lease.objects.filter(post_id=case.post_id).first()
    if lease is not None and lease.expires_at <= now:
        _close(lease, lease.expires_at, End.EXPIRED)
        lease = None
    if lease is not None:  # one's own: others' would not be free
        lease.expires_at = max(lease.expires_at, now + least)
        lease.save(update_fields=["expires_at"])
        return lease
    lease = Lease.objects.create(
        post=case.post,
        organisation_id=organisation(actor),
        user_id=person(actor),
        taken_at=now,
        expires_at=now + least,
    )
    Claim.objects.create(case=case, user_id=person(actor), taken_at=now)
    note("lease_taken", actor, case, now)
    return lease


def _close(lease: Lease, at: datetime, how: str) -> None:
    of_case = Claim.objects.filter(case__post_id=lease.post_id, case__organisation_id=lease.organisation_id)
    of_case.filter(user_id=lease.user_id, ended_at=None).update(ended_at=at, how=how)
    lease.delete()


def _open_claims(case: Case, user_id: int) -> QuerySet[Claim]:
    return Claim.objects.filter(case=case, user_id=user_id, ended_at=None)


def _must_wait(case: Case) -> None:
    if case.state not in (Case.State.WAITING, Case.State.SECOND_REVIEW):
        raise Refused("this case is decided already; undo that decision first")


def _note_account(kind: str, actor: Actor, account_id: int, now: datetime) -> None:
    record(kind, actor=actor.name, organisation=organisation(actor), subject=f"account:{account_id}", at=now)
