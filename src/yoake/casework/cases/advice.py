"""Cases put to the adviser (a lawyer) with a question. The adviser sees these cases and no other; the words go with the post's (`forgetting`)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, person
from yoake.casework.cases.holds import must_be_free, readable
from yoake.casework.cases.models import Advice, Case, Finding
from yoake.casework.cases.second import blind_reviews
from yoake.casework.cases.trials import must_be_real
from yoake.casework.people.queries import Actor
from yoake.collect.clean import storable
from yoake.errors import BadInput, Refused

QUESTION_LONGEST = 2000
ANSWER_LONGEST = 4000


def ask_advice(actor: Actor, case_id: int, question: str, now: datetime | None = None) -> Advice:
    """Puts a case to the organisation's adviser. Raises BadInput for an empty or too long question, Refused while one waits or the post's words are gone."""
    now = now or timezone.now()
    actor.must("ask_advice")
    question = _words("question", question, QUESTION_LONGEST)
    with transaction.atomic():
        case = locked(actor, case_id)
        if case.post.erased_at is not None or case.post.stopped_at is not None:
            raise Refused("the post's words are gone; nobody can advise on them any more")
        if case.practice:
            raise Refused("nothing on the practice desk is put to the adviser")
        must_be_real(case)  # a copy goes, and the advice would go with it
        must_be_free(actor, post=case.post, inside=True, but_colleagues=True, now=now)
        if case.advices.filter(answered_at=None).exists():
            raise Refused("this case waits for the adviser already")
        advice = Advice.objects.create(case=case, asked_by_id=person(actor), asked_at=now, question=question)
        _note("advice_asked", actor, advice, now)
    return advice


def give_advice(actor: Actor, advice_id: int, answer: str, now: datetime | None = None) -> Advice:
    """The adviser's answer, written once. Raises BadInput for an empty or too long one, Refused when it was answered."""
    now = now or timezone.now()
    actor.must("advise")
    answer = _words("answer", answer, ANSWER_LONGEST)
    with transaction.atomic():
        known = Advice.objects.filter(pk=advice_id, case__organisation_id=actor.organisation_id).first()
        if known is None:
            raise BadInput("case", advice_id, "there is no such case in your organisation")
        case = locked(actor, known.case_id)
        advice = Advice.objects.select_for_update().get(pk=advice_id)
        if advice.answered_at is not None:
            raise Refused("this question is answered already")
        if case.post.erased_at is not None or case.post.stopped_at is not None:
            raise Refused("the post's words are gone; nobody can advise on them any more")
        must_be_free(actor, post=case.post, inside=True, but_colleagues=True, now=now)
        advice.answer, advice.answered_by_id, advice.answered_at = answer, person(actor), now
        advice.save(update_fields=["answer", "answered_by", "answered_at"])
        _note("advice_given", actor, advice, now)
    return advice


def advices_waiting(actor: Actor) -> list[Advice]:
    """What waits for the adviser, people at risk first, then the oldest question."""
    return list(_put_to(actor).filter(answered_at=None).order_by("-case__at_risk", "asked_at", "pk"))


def advices_given(actor: Actor, limit: int = 20) -> list[Advice]:
    """What was answered, the newest first."""
    return list(_put_to(actor).exclude(answered_at=None).order_by("-answered_at", "-pk")[:limit])


def advice_of(actor: Actor, advice_id: int) -> Advice:
    """One case that was put to the adviser, with what the post says. Raises BadInput when there is none."""
    findings = Prefetch("case__post__current__findings", Finding.objects.order_by("shadow", "-score", "category"))
    advice = _put_to(actor).filter(pk=advice_id).prefetch_related(findings).first()
    if advice is None:
        raise BadInput("case", advice_id, "there is no such case in your organisation")
    return advice


def advices_about(actor: Actor, case: Case) -> list[Advice]:
    """What was asked and answered about a case, oldest first, for those who read it.

    Left out is what the first judge asked, for whoever must see nothing of that judgement.
    """
    actor.must("read")
    asked = Advice.objects.filter(case=case, case__organisation_id=actor.organisation_id)
    asked = asked.exclude(asked_by__in=blind_reviews(actor).filter(case=case).values("first__by"))
    return list(asked.select_related("asked_by", "answered_by").order_by("asked_at", "pk"))


def _put_to(actor: Actor) -> QuerySet[Advice]:
    actor.must("advise")
    put = Advice.objects.filter(
        case__organisation_id=actor.organisation_id, case__post__erased_at=None, case__post__stopped_at=None
    )
    return readable(put, actor, timezone.now(), "case__").select_related(
        "case", "case__post", "case__post__current", "case__post__account", "asked_by", "answered_by"
    )


def _words(field: str, text: str, longest: int) -> str:
    text = storable(text.strip(), [])
    if not text or len(text) > longest:
        raise BadInput(field, text, f"one to {longest} characters")
    return text


def _note(kind: str, actor: Actor, advice: Advice, now: datetime) -> None:
    record(
        kind,
        actor=actor.name,
        organisation=actor.organisation_id or None,
        subject=f"case:{advice.case_id}",
        at=now,
        advice=advice.pk,
    )
