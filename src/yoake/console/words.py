"""What codes are called on a page: categories, classes, grades, verdicts, cues, states, audit entries, errors.

Names of categories, cues and elements are data of the category (ja, en); everything else is in the message catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import get_language, gettext, gettext_noop, ngettext, pgettext

from yoake.casework.audit.models import Entry
from yoake.casework.cases.categories import categories
from yoake.casework.people.models import Membership
from yoake.detect.category import FRAME
from yoake.errors import BadInput, YoakeError

TOKYO = ZoneInfo("Asia/Tokyo")

_CLASSES = {
    "illegal": gettext_noop("illegal information"),
    "serious_crime_related": gettext_noop("closely related to serious crimes"),
    "suicide_inducing": gettext_noop("suicide-inducing information"),
    "harmful": gettext_noop("harmful information"),
    "at_risk": gettext_noop("person at risk"),
    "record_only": gettext_noop("record only"),
}
_GRADES = {
    "high": gettext_noop("strong signs"),
    "mid": gettext_noop("some signs"),
    "low": gettext_noop("weak signs"),
}
_VERDICTS = {
    "in_scope": gettext_noop("in scope"),
    "not_in_scope": gettext_noop("not in scope"),
    "cannot_tell": gettext_noop("cannot tell"),
}
_FIELDS = {
    "text": gettext_noop("post"),
    "profile": gettext_noop("profile"),
    "parent_text": gettext_noop("post it replies to"),
}
_NETWORKS = {
    "bluesky": "Bluesky",
    "web": gettext_noop("web page"),
    "hand": gettext_noop("added by hand"),
    "practice": gettext_noop("practice"),
}
_GONE = {
    "deleted_by_author": gettext_noop("deleted by its author"),
    "removed_by_provider": gettext_noop("removed by the provider"),
    "deactivated": gettext_noop("account closed"),
    "suspended": gettext_noop("account suspended"),
    "account_suspended": gettext_noop("account suspended"),
    "private": gettext_noop("made private"),
    "removed": gettext_noop("gone"),
}
_OUTCOMES = {
    "up": gettext_noop("still there"),
    "edited": gettext_noop("there, but edited"),
    "deleted_by_author": gettext_noop("deleted by its author"),
    "removed_by_provider": gettext_noop("removed by the provider"),
    "removed": gettext_noop("gone (nobody says by whom)"),
    "account_suspended": gettext_noop("account suspended"),
    "private": gettext_noop("not public any more"),
    "unreachable": gettext_noop("nobody answers"),
}
_SKIPPED = {
    "not_json": gettext_noop("not JSON"),
    "no_id": gettext_noop("without an id"),
    "no_text": gettext_noop("without text"),
    "not_utf8": gettext_noop("broken characters"),
    "too_long": gettext_noop("too long"),
    "unknown_record": gettext_noop("unknown kind"),
    "future_time": gettext_noop("time lies in the future"),
    "no_time": gettext_noop("without a time"),
    "bad_time": gettext_noop("unreadable time"),
    "unstorable_text": gettext_noop("characters replaced"),
    "bad_text": gettext_noop("text is no text"),
    "wrong_type": gettext_noop("a field is of the wrong kind"),
    "half_line": gettext_noop("half a line"),
    "file_replaced": gettext_noop("the file was replaced"),
    "bad_image": gettext_noop("unreadable picture entry"),
    "bad_name": gettext_noop("unreadable name"),
    "bad_url": gettext_noop("unreadable address"),
    "not_an_event": gettext_noop("not an event"),
    "not_a_frame": gettext_noop("not a frame"),
    "unknown_event": gettext_noop("unknown kind of event"),
    "unknown_account_status": gettext_noop("unknown state of an account"),
    "missing_block": gettext_noop("content is missing"),
    "repository_replaced": gettext_noop("an account was written anew"),
    "consumer_too_slow": gettext_noop("we were too slow"),
    "future_cursor": gettext_noop("place to go on is not known there"),
    "gap": gettext_noop("a gap: posts are missing"),
    "too_big": gettext_noop("too big"),
    "too_many": gettext_noop("too many at once"),
    "not_cp932": gettext_noop("broken characters"),
    "not_csv": gettext_noop("quotes in the wrong place"),
    "bad_quote": gettext_noop("a quote that is never closed"),
    "wrong_columns": gettext_noop("not as many fields as columns"),
    "not_a_page": gettext_noop("not a page of text"),
    "no_job": gettext_noop("a page without a job posting"),
    "page_failed": gettext_noop("the page did not come"),
    "sitemap_failed": gettext_noop("a sitemap did not come"),
    "other_site": gettext_noop("an address of another site"),
    "not_let_in": gettext_noop("only for those who sign in"),
    "robots": gettext_noop("the site asks programs to stay away"),
    "unexpected": gettext_noop("could not be read for another reason"),
}
_ITEMS = {  # what a job ad must itself show
    "recruiter": gettext_noop("name of the recruiter"),
    "address": gettext_noop("address"),
    "contact": gettext_noop("contact"),
    "work": gettext_noop("work"),
    "workplace": gettext_noop("workplace"),
    "wage": gettext_noop("wage"),
}
_FRAMES = {  # those that belong to no single category
    "advertisement": gettext_noop("advertisement"),
    "plea": gettext_noop("plea for help"),
}
_ENTRIES = {
    "case_opened": gettext_noop("opened the case"),
    "case_reopened": gettext_noop("opened the case again, because the post changed"),
    "added_by_hand": gettext_noop("added the post by hand"),
    "lease_taken": gettext_noop("started reading"),
    "lease_released": gettext_noop("stopped reading"),
    "decided": gettext_noop("made a decision"),
    "undone": gettext_noop("undid the decision"),
    "post_changed": gettext_noop("saw that the post was edited"),
    "post_gone": gettext_noop("saw that the post is gone"),
    "post_back": gettext_noop("saw that the post is back"),
    "erased": gettext_noop("erased text, author and link"),
    "second_look": gettext_noop("looked at the post again"),
    "post_named": gettext_noop("found the network’s own name of the post"),
    "case_joined": gettext_noop("joined the case to the post that the patrol found"),
    "context_asked": gettext_noop("asked for thread and profile"),
    "context_fetched": gettext_noop("fetched thread and profile"),
    "context_erased": gettext_noop("erased thread and profile"),
    "checked": gettext_noop("looked whether the post is still there"),
    "check_asked": gettext_noop("asked whether the post is still there"),
    "sent_to_judge": gettext_noop("sent the post to a language model outside this network"),
}
_DETECTORS = {  # second looks; what every post is judged by needs no name
    "encoder": gettext_noop("text model"),
    "llm_judge": gettext_noop("language model"),
    "pictures": gettext_noop("text inside pictures"),
}
_CUES = {  # of second looks
    "pointed_at": gettext_noop("pointed at by the language model"),
    "instruction_to_a_program": gettext_noop("speaks to a program that judges posts"),
}
_PARTS = {
    "patrol": gettext_noop("Patrol"),
    "intake": gettext_noop("Patrol"),
    "worker": gettext_noop("Worker"),
    "command": gettext_noop("Command line"),
}
_WRONG = {  # fields a person fills in
    "url": gettext_noop("URL"),
    "text": gettext_noop("Text"),
    "post": gettext_noop("Post"),
    "reason": gettext_noop("Reason"),
    "verdict": gettext_noop("Judgement"),
    "category": gettext_noop("Category"),
    "password": gettext_noop("Password"),
    "language": gettext_noop("Language"),
    "source": gettext_noop("Name of the source"),
    "permitted_by": gettext_noop("Who permitted it"),
    "permitted_on": gettext_noop("On which day"),
    "terms": gettext_noop("Under which terms"),
    "reference": gettext_noop("Reference"),
    "words": gettext_noop("Words"),
    "per_quarter": gettext_noop("Requests in 15 minutes, at most"),
    "per_day": gettext_noop("Requests a day, at most"),
    "explore": gettext_noop("Shared by all alike, per cent"),
}
# Sentences that are put together in code and so cannot be collected from there.
_SENTENCES = (
    gettext_noop("this post is held by a colleague; take another case, or wait until it is released"),
    gettext_noop("this post is held by another body; take another case, or wait until it is released"),
    gettext_noop("at most 2000 characters"),
    gettext_noop("at most 20000 characters"),
    gettext_noop("at most 200 characters"),
    gettext_noop("at most 4000 characters"),
    gettext_noop("one to 500 characters on one line"),
    gettext_noop("a web address that begins with http:// or https://"),
)


def category_name(slug: str) -> str:
    """What the category is called; a slug that no longer exists as it is."""
    if not slug:
        return gettext("no category")
    known = categories().get(slug)
    return _in_language(known.name.ja, known.name.en) if known else slug


def is_at_risk(slug: str) -> bool:
    """Whether the category is about a person who needs help."""
    known = categories().get(slug)
    return known is not None and known.at_risk


def class_name(name: str) -> str:
    """What the hotline class is called."""
    return _word(_CLASSES, name)


def grade_name(grade: str) -> str:
    """How strong the signs are."""
    return _word(_GRADES, grade)


def score(value: float) -> str:
    """A score with two digits; never "1.00", which would look like certainty."""
    return "> 0.99" if value > 0.99 else f"{value:.2f}"


def network_name(network: str) -> str:
    """Where a post comes from."""
    kind, _, platform = network.partition(":")
    return platform if kind == "file" and platform else _word(_NETWORKS, network)


def verdict_name(verdict: str) -> str:
    """What was decided."""
    return _word(_VERDICTS, verdict)


def verdict_in_full(verdict: str, category: str) -> str:
    """The verdict, with the category when there is one."""
    if not category:
        return verdict_name(verdict)
    return verdict_name(verdict) + pgettext("between verdict and category", ": ") + category_name(category)


def field_name(field: str) -> str:
    """Which part of a post: its text, the profile, the post it replies to, a picture."""
    if field.startswith("image:"):
        return gettext("picture %(number)s") % {"number": field.removeprefix("image:")}
    return _word(_FIELDS, field)


def gone_name(state: str) -> str:
    """Why a post cannot be seen any more."""
    return _word(_GONE, state)


def outcome_name(outcome: str) -> str:
    """Whether a post is still there."""
    return _word(_OUTCOMES, outcome)


def skipped_name(reason: str) -> str:
    """Why something could not be read."""
    return _word(_SKIPPED, reason)


def cue_name(category: str, cue: str) -> str:
    """The role that words play for a category, or the context they show ("frame:news")."""
    known = categories().get(category)
    if known is not None:
        named = known.frames if cue.startswith(FRAME) else known.cues
        for item in named:
            if item.name == cue.removeprefix(FRAME):
                return _in_language(item.label.ja, item.label.en)
    if cue == "wording":  # the learned model points at places no list has a name for
        return gettext("worded like known examples")
    return _word(_CUES, cue) if cue in _CUES else _word(_FRAMES, cue.removeprefix(FRAME))


def detector_name(detector: str) -> str:
    """Which second look says so; "" for the detector that judges every post."""
    return _word(_DETECTORS, detector) if detector in _DETECTORS else ""


def frame_name(category: str, frame: str) -> str:
    """The context a post shows (news, police warning, question ...)."""
    return cue_name(category, FRAME + frame)


def element_name(category: str, element: str) -> str:
    """What an analyst ticks."""
    known = categories().get(category)
    for item in known.elements if known else ():
        if item.name == element:
            return _in_language(item.label.ja, item.label.en)
    return element


def role_name(role: str) -> str:
    """What somebody is in their organisation."""
    return str(Membership.Role(role).label) if role in Membership.Role.values else role


def item_name(item: str) -> str:
    """One of the six items of a job ad."""
    return _word(_ITEMS, item)


def told(words: Mapping[str, str] | None) -> str:
    """A text that comes in both languages, in the reader's; in the other one when theirs is missing."""
    words = words or {}
    return _in_language(words.get("ja", ""), words.get("en", "")) or words.get("ja", "") or words.get("en", "")


def actor_name(actor: str, names: Mapping[int, str]) -> str:
    """Who did something, from how the audit writes it: user:7, patrol:2, worker."""
    kind, _, number = actor.partition(":")
    if kind == "user" and number.isdigit():
        return names.get(int(number), gettext("somebody of another organisation"))
    return _word(_PARTS, kind)


def entry_text(entry: Entry) -> str:
    """What an audit entry says happened."""
    done = _word(_ENTRIES, entry.kind)
    facts = entry.facts
    detail = ""
    if entry.kind == "decided":
        detail = verdict_in_full(str(facts.get("verdict", "")), str(facts.get("category") or ""))
    elif entry.kind in ("case_opened", "added_by_hand") and facts.get("category"):
        detail = category_name(str(facts["category"]))
        if facts.get("grade"):
            detail += pgettext("between category and grade", ", ") + grade_name(str(facts["grade"]))
    elif entry.kind == "erased" and facts.get("why") == "record_only":
        done = gettext("erased everything but address, time and count")
    elif entry.kind == "second_look":
        found = category_name(str(facts.get("category", "")))
        detail = detector_name(str(facts.get("detector", ""))) + pgettext("between verdict and category", ": ") + found
    elif entry.kind == "checked":
        detail = outcome_name(str(facts.get("outcome", "")))
    elif entry.kind == "post_gone":
        detail = gone_name(str(facts.get("state", "")))
    return gettext("%(done)s (%(detail)s)") % {"done": done, "detail": detail} if detail else done


def sentence(error: YoakeError) -> str:
    """One sentence a person can act on, in their language where the catalogue has it."""
    if isinstance(error, BadInput):
        field = _word(_WRONG, error.field)
        return gettext("%(field)s: %(accepted)s.") % {"field": field, "accepted": gettext(error.accepted)}
    return plain_sentence(str(error))


def plain_sentence(text: str) -> str:
    """The sentence, in the reader's language where the catalogue has it, with a capital and a full stop."""
    said = gettext(text) if text else ""
    if not said or said.endswith((".", "。", "!", "?")):
        return said
    return said[:1].upper() + said[1:] + gettext(".")


def ages() -> tuple[str, str, str, str]:
    """How people say how long ago: less than a minute, minutes, hours, days ("%d" stands for the number)."""
    return gettext("just now"), gettext("%d min ago"), gettext("%d h ago"), gettext("%d d ago")


def age(at: datetime, now: datetime | None = None) -> str:
    """How long ago."""
    seconds = ((now or timezone.now()) - at).total_seconds()
    just_now, minutes, hours, days = ages()
    for unit_s, text in ((86400, days), (3600, hours), (60, minutes)):
        if seconds >= unit_s:
            return text.replace("%d", str(int(seconds // unit_s)))
    return just_now


def clock(at: datetime) -> str:
    """Day and time in Tokyo, to the second."""
    return at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M:%S")


def hour_minute(at: datetime, now: datetime | None = None) -> str:
    """The time in Tokyo, with the day in front when it is not today's."""
    here = at.astimezone(TOKYO)
    today = (now or timezone.now()).astimezone(TOKYO).date()
    return here.strftime("%H:%M" if here.date() == today else "%m-%d %H:%M")


def seconds_long(seconds: float) -> str:
    """A stretch of time, roughly."""
    seconds = max(0, int(seconds))
    if seconds < 60:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    if seconds < 3600:
        return ngettext("%d minute", "%d minutes", seconds // 60) % (seconds // 60)
    return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)


def _word(words: Mapping[str, str], code: str) -> str:
    return gettext(words[code]) if code in words else code


def _in_language(ja: str, en: str) -> str:
    return en if (get_language() or "ja").startswith("en") else ja
