"""What this room keeps of a post in words, and how it goes.

Every room that keeps words of a post, or anything made of them, has a file `forgetting.py` with `HOLDS` (its models
that do) and `forget`; `erasing.py` beside this file finds it by its name.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from yoake.casework.cases.elements import forget_spans
from yoake.casework.cases.folds import come_out
from yoake.casework.cases.hold_keys import note_keys
from yoake.casework.cases.keeping import erased_hash
from yoake.casework.cases.models import (
    Account,
    Advice,
    Case,
    Check,
    Comparison,
    Decision,
    Erasure,
    Finding,
    HoldKey,
    JudgeAnswer,
    Naming,
    Note,
    Post,
    PostVersion,
    ReceivedLine,
    SearchText,
    SecondLook,
    SecondReview,
    Surroundings,
)
from yoake.casework.cases.queries import RECORD_ONLY
from yoake.casework.cases.schedule import forget_words
from yoake.casework.cases.search import forget as forget_search
from yoake.casework.cases.second import lapse_reviews

HOLDS: tuple[type[models.Model], ...] = (
    Account, Advice, Check, Decision, Erasure, Finding, HoldKey, JudgeAnswer, Naming, Note, Post, PostVersion, ReceivedLine, SearchText, SecondLook,
    SecondReview, Surroundings,
)  # fmt: skip
STOPPED = "stopped"  # why a post goes that must not be held


def forget(post: Post, why: str) -> None:
    """Text, profile, thread, pictures' references, author, notes and reasons go; identity, decisions and numbers stay.

    Of a post that is recorded only or was stopped, what detectors said goes too. The address is left to the caller.
    """
    cases = list(Case.everything.filter(post=post).order_by("pk"))  # also those that are somebody's trial
    SecondLook.objects.filter(version__post=post).delete()
    Naming.objects.filter(post=post).delete()
    forget_words(post)
    Surroundings.objects.filter(post=post).delete()
    for case in cases:
        come_out(case)
    Comparison.objects.filter(case__in=cases).delete()
    Note.objects.filter(case__in=cases).delete()
    Advice.objects.filter(case__in=cases).update(question="", answer="")
    ReceivedLine.objects.filter(case__in=cases).update(url="", why="", problem="")
    forget_search(post)
    # In their order: what says again what an erased one said takes the hash that this one leaves.
    hashes = list(post.versions.order_by("pk").values_list("pk", "content_hash"))
    JudgeAnswer.objects.filter(about__in=[erased_hash(content_hash) for _pk, content_hash in hashes]).delete()
    whole = why in (RECORD_ONLY, STOPPED)
    for pk, content_hash in hashes:
        if whole:
            Finding.objects.filter(version=pk).delete()
        else:
            Finding.objects.filter(version=pk).update(body={})
        PostVersion.objects.filter(pk=pk).update(
            content_hash=erased_hash(content_hash),
            author_name="",
            profile="",
            text="",
            parent_id="",
            parent_text="",
            root_id="",
            labels=[],
            images=[],
            **({"lang": ""} if whole else {}),
        )
    lapse_reviews(cases, timezone.now())  # nobody can judge what is gone: the first judgement stands
    Case.everything.filter(post=post, state=Case.State.SECOND_REVIEW).update(state=Case.State.DECIDED)
    Decision.objects.filter(case__in=cases).update(reason="")
    SecondReview.objects.filter(case__in=cases).update(reason="", elements=[])
    if whole:
        Decision.objects.filter(case__in=cases).update(elements=[])
    forget_spans(post)
    HoldKey.objects.filter(post=post).delete()
    if why == RECORD_ONLY:
        note_keys(post, ())  # the address stays, and so does a hold on it
    if why == STOPPED:
        Erasure.objects.filter(post=post).delete()


def forget_account(account: Account | None) -> None:
    """An author of whom no post is kept any more goes too."""
    if account is not None and not account.posts.exists():
        account.delete()
