"""What this room keeps of a post, and how it goes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from yoake.casework.cases.echoes import Echoes, is_of, repeats
from yoake.casework.cases.forgetting import STOPPED
from yoake.casework.cases.models import Case, Post, SecondReview
from yoake.casework.quality.models import Flagged, Gold, HashedPost, Sample, TermProposal

HOLDS: tuple[type[models.Model], ...] = (Flagged, Gold, HashedPost, Sample, SecondReview, TermProposal)


def forget(post: Post, why: str) -> None:
    """A post that was drawn by lot too loses its content there, one with a sure answer is mixed into no queue any more.

    A term that was found in it is proposed no more.

    Hashed features are all that is left to learn from a post out of scope, and hold no words: of a post that was
    stopped they go too. A proposal that nobody judged is found anew where enough other posts use the term.
    """
    Gold.objects.filter(post=post, withdrawn_at=None).update(withdrawn_at=timezone.now())
    Gold.objects.filter(post=post).update(why="")
    Case.everything.filter(post=post).exclude(gold_for=None).delete()  # copies in people's queues
    Sample.objects.filter(uid=post.uid).update(content={}, due_at=None, claimed_until=None, problem="")
    for proposal in TermProposal.objects.filter(state=TermProposal.State.PROPOSED).only("pk", "posts"):
        if post.pk in proposal.posts:
            proposal.delete()
    for review in SecondReview.objects.filter(case__post=post):
        names = {} if why == STOPPED else dict.fromkeys(row["name"] for row in review.elements)
        elements = [{"name": name, "field": "", "start": 0, "end": 0} for name in names]
        SecondReview.objects.filter(pk=review.pk).update(reason="", elements=elements)
    Gold.objects.filter(post=post).update(why="")
    Case.everything.filter(post=post).exclude(gold_for=None).delete()  # what nobody can read is nobody's trial
    if why == STOPPED:
        Flagged.objects.filter(decision__case__post=post).delete()
        HashedPost.objects.filter(post=post).delete()
        for proposal in TermProposal.objects.only("pk", "posts"):
            if post.pk in proposal.posts:
                TermProposal.objects.filter(pk=proposal.pk).update(posts=[pk for pk in proposal.posts if pk != post.pk])


def forget_echoes(echoes: Echoes) -> None:
    """What replies repeat of a post that was stopped goes from samples, and from why an answer is sure."""
    for sample in Sample.objects.exclude(content={}).only("pk", "content").iterator(chunk_size=500):
        row = sample.content
        said = row.get("parent_text", "")
        if said and is_of(echoes.keys, echoes.words, row["network"], row["parent_id"], said):
            Sample.objects.filter(pk=sample.pk).update(content={**row, "parent_text": ""})
    for gold in Gold.objects.exclude(why="").filter(post__in=echoes.posts).select_related("post"):
        if any(repeats(gold.why, answered) for answered in gold.post.versions.values_list("parent_text", flat=True)):
            Gold.objects.filter(pk=gold.pk).update(why="")
