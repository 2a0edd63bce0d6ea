"""Words of judging twice, known answers and guards: lines of the audit, and sentences of errors to be translated."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

ENTRIES: Final = {
    "reviewed": gettext_noop("judged as the second person"),
    "settled": gettext_noop("settled what two people judged apart"),
    "gold_answered": gettext_noop("answered a case with a known answer"),
    "gold_marked": gettext_noop("took the case as one with a known answer"),
    "gold_given": gettext_noop("gave somebody a case with a known answer"),
    "gold_withdrawn": gettext_noop("withdrew a case with a known answer"),
    "guard_on": gettext_noop("switched something automatic on again"),
    "guard_off": gettext_noop("switched something automatic off"),
}
SENTENCES: Final = (
    gettext_noop("this case waits for no second judgement; take the next one"),
    gettext_noop("you judged this case first; another person must be the second"),
    gettext_noop("a second person judged this case otherwise; a supervisor settles it"),
    gettext_noop("the post was erased; there is nothing left to judge"),
    gettext_noop("you judged this case yourself; another supervisor settles it"),
    gettext_noop("whoever thinks that this must be recorded only tells a supervisor, who undoes the first decision"),
    gettext_noop("this case has a known answer; only a judgement on its page is taken"),
    gettext_noop("this case has a known answer already"),
    gettext_noop("only a case that is decided can have a known answer"),
    gettext_noop("this case is being judged twice; mark it once that is over"),
    gettext_noop("only “in scope” and “not in scope” are answers that are sure"),
    gettext_noop("the author may be a minor: such a case is nobody's trial"),
    gettext_noop("somebody may be at risk: such a case is nobody's trial"),
    gettext_noop("of this post only address, time and count are kept"),
    gettext_noop("somebody added this very text by hand; take another post"),
    gettext_noop("it is so already"),
    gettext_noop("why the answer is sure, in at most 1000 characters"),
    gettext_noop("why, in at most 500 characters"),
)
