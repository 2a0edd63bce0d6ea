"""What codes are called on a page: categories, classes, grades, verdicts, cues, states, audit entries, errors.

Names of categories, cues and elements are data of the category (ja, en); everything else is in the message catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import get_language, gettext, gettext_noop, ngettext, pgettext

from yoake.casework.cases.categories import categories
from yoake.casework.cases.waiting import MOST_COUNTED
from yoake.casework.count import labels
from yoake.casework.people.models import Membership
from yoake.console.problems import is_english, translated
from yoake.console.setting_names import setting_name
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
    "duplicate": gettext_noop("duplicate"),
}
_HELP = {  # verdicts where somebody is at risk
    "in_scope": gettext_noop("needs help"),
    "not_in_scope": gettext_noop("no help needed"),
}
_FIELDS = {
    "text": gettext_noop("post"),
    "profile": gettext_noop("profile"),
    "parent_text": gettext_noop("post it replies to"),
}
_SEARCHED = {
    "text": gettext_noop("post"),
    "author": gettext_noop("author"),
    "handle": gettext_noop("handle"),
    "url": gettext_noop("web address"),
    "note": gettext_noop("note"),
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
    "bad_id": gettext_noop("unreadable id"),
    "not_public": gettext_noop("not public"),
    "no_original": gettext_noop("what was passed on did not come"),
    "foreign_deletion": gettext_noop("wished to delete what is not its own"),
    "wrong_id": gettext_noop("forged or damaged"),
    "wrong_signature": gettext_noop("forged or damaged"),
    "relay_away": gettext_noop("a relay did not answer"),
    "notice": gettext_noop("a relay says something to people"),
    "silent_stream": gettext_noop("the stream had gone silent"),
    "search_cut": gettext_noop("a search found more than was read"),
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
_JUDGES = {
    "linear": gettext_noop("trained model"),
    "lexicon": gettext_noop("word rules"),
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
_WRONG = {  # fields a person fills in
    "url": gettext_noop("URL"),
    "text": gettext_noop("Text"),
    "elements": gettext_noop("Elements"),
    "post": gettext_noop("Post"),
    "reason": gettext_noop("Reason"),
    "verdict": gettext_noop("Judgement"),
    "category": gettext_noop("Category"),
    "duplicate_of": gettext_noop("Case that this one repeats"),
    "list": gettext_noop("List"),
    "file": gettext_noop("File"),
    "days": gettext_noop("Days"),
    "period": gettext_noop("Period"),
    "picture": gettext_noop("Picture"),
    "password": gettext_noop("Password"),
    "username": gettext_noop("User name"),
    "name": gettext_noop("Name"),
    "email": gettext_noop("Mail address"),
    "staff_number": gettext_noop("Staff number"),
    "role": gettext_noop("Role"),
    "question": gettext_noop("Question"),
    "answer": gettext_noop("Answer"),
    "language": gettext_noop("Language"),
    "recipient": gettext_noop("Public key of the recipient"),
    "source": gettext_noop("Name of the source"),
    "permitted_by": gettext_noop("Who permitted it"),
    "permitted_on": gettext_noop("On which day"),
    "terms": gettext_noop("Under which terms"),
    "reference": gettext_noop("Reference"),
    "words": gettext_noop("Words"),
    "letter": gettext_noop("Letter"),
    "phrase": gettext_noop("Word"),
    "cue": gettext_noop("What the word stands for"),
    "strength": gettext_noop("How strong a sign"),
    "note": gettext_noop("Note"),
    "name_ja": gettext_noop("Name in Japanese"),
    "name_en": gettext_noop("Name in English"),
    "telephone": gettext_noop("Telephone"),
    "per_quarter": gettext_noop("Requests in 15 minutes, at most"),
    "per_day": gettext_noop("Requests a day, at most"),
    "explore": gettext_noop("Shared by all alike, per cent"),
    "held": gettext_noop("What is held"),
    "kind": gettext_noop("What"),
    "network": gettext_noop("Network of the account"),
    "app": gettext_noop("App of the contact id"),
    "phone": gettext_noop("Telephone number"),
    "colleague": gettext_noop("Colleague"),
    "form": gettext_noop("Web form"),
    "public_key": gettext_noop("Public key"),
    "where_from": gettext_noop("Where it is from"),
    "to": gettext_noop("To the mail address"),
    "receipt": gettext_noop("Number"),
    "medium": gettext_noop("On what"),
    "who": gettext_noop("Who has it"),
    "hours": gettext_noop("When it goes"),
    "result": gettext_noop("Result"),
    "channel": gettext_noop("How"),
    "body": gettext_noop("Body"),
    "checked_on": gettext_noop("Checked on"),
    "slug": gettext_noop("Short name"),
    "hosts": gettext_noop("Hosts"),
    "country": gettext_noop("Country"),
    "handle": gettext_noop("Handle"),
}
# Sentences that are put together in code and so cannot be collected from there.
_SENTENCES = (
    gettext_noop("a value; this cell holds a formula, and formulas are not worked out here: paste the value"),
    gettext_noop("a PNG, JPEG, WebP or GIF of at most 25 million pixels and 5 MB"),
    gettext_noop("somebody may be in danger here: such a case is never folded, decide it by itself"),
    gettext_noop("somebody changed this row meanwhile; look at it again"),
    gettext_noop("this case is not alike any more, or somebody decided it meanwhile"),
    gettext_noop("another decision stands on this case meanwhile"),
    gettext_noop("at most 100 cases are decided together; take the others next"),
    gettext_noop("read the row again: another case leads it meanwhile"),
    gettext_noop("this post is held by a colleague; take another case, or wait until it is released"),
    gettext_noop("this post is held by another body; take another case, or wait until it is released"),
    gettext_noop("your organisation holds this already; renew that hold if it should last longer"),
    gettext_noop("this hold is over and what it held is forgotten; place a new one"),
    gettext_noop("somebody of your organisation who may decide cases"),
    gettext_noop("what is to be held, at most 300 characters"),
    gettext_noop("the network of the account"),
    gettext_noop("a telephone number that exists, such as +81 3 1234 5678"),
    gettext_noop("a number of days from 1 to 180"),
    gettext_noop("a day (2024-05-01), a month (2024-05), a year (2024) or a fiscal year (FY2024), from 2000 to 2200"),
    gettext_noop("a month, a year or a fiscal year; figures of a day are not published"),
    gettext_noop("one that may leave the house; this one is never published"),
    gettext_noop("at most 2000 characters"),
    gettext_noop("at most 20000 characters"),
    gettext_noop("at most 200 characters"),
    gettext_noop("at most 4000 characters"),
    gettext_noop("one to 500 characters on one line"),
    gettext_noop("one to 100 characters on one line"),
    gettext_noop("one to 20 characters"),
    gettext_noop("one to 2000 characters"),
    gettext_noop("one to 4000 characters"),
    gettext_noop("a web address that begins with http:// or https://"),
    gettext_noop("a name of small letters, digits and _; the secret itself stands in its file"),
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
    return in_words(_CLASSES, name)


def grade_name(grade: str) -> str:
    """How strong the signs are."""
    return in_words(_GRADES, grade)


def score(value: float) -> str:
    """A score with two digits; never "1.00", which would look like certainty."""
    return "> 0.99" if value > 0.99 else f"{value:.2f}"


def network_name(network: str) -> str:
    """Where a post comes from."""
    return str(labels.network(network))


def verdict_name(verdict: str) -> str:
    """What was decided."""
    return in_words(_VERDICTS, verdict)


def verdict_in_full(verdict: str, category: str, *, at_risk: bool = False) -> str:
    """The verdict, with the category when there is one; about a person at risk it is about help."""
    if not category:
        return in_words(_HELP, verdict) if at_risk and verdict in _HELP else verdict_name(verdict)
    if verdict in _HELP and is_at_risk(category):
        return in_words(_HELP, verdict) + pgettext("between verdict and category", ": ") + category_name(category)
    return verdict_name(verdict) + pgettext("between verdict and category", ": ") + category_name(category)


def field_name(field: str) -> str:
    """Which part of a post: its text, the profile, the post it replies to, a picture."""
    if field.startswith("image:"):
        return gettext("picture %(number)s") % {"number": field.removeprefix("image:")}
    return in_words(_FIELDS, field)


def gone_name(state: str) -> str:
    """Why a post cannot be seen any more."""
    return in_words(_GONE, state)


def outcome_name(outcome: str) -> str:
    """Whether a post is still there."""
    return in_words(_OUTCOMES, outcome)


def skipped_name(reason: str) -> str:
    """Why something could not be read."""
    return in_words(_SKIPPED, reason)


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
    return in_words(_CUES, cue) if cue in _CUES else in_words(_FRAMES, cue.removeprefix(FRAME))


def detector_name(detector: str) -> str:
    """Which second look says so; "" for the detector that judges every post."""
    return in_words(_DETECTORS, detector) if detector in _DETECTORS else ""


def per_cent(*shares: float) -> str:
    """One share (0 to 1) or the ends of a range, as the language writes per cent: "83 %", "55 – 100 %", 83%, 55〜100%."""
    told = [f"{100 * share:.0f}" for share in shares]
    return _in_language(f"{'〜'.join(told)}%", f"{' – '.join(told)} %")


def detector_kind(detector: str) -> str:
    """What sort of detector it is, whatever its version."""
    return in_words({**_JUDGES, **_DETECTORS}, detector.partition(" ")[0])


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
    return in_words(_ITEMS, item)


def told(words: Mapping[str, str] | None) -> str:
    """A text that comes in both languages, in the reader's; in the other one when theirs is missing."""
    words = words or {}
    return _in_language(words.get("ja", ""), words.get("en", "")) or words.get("ja", "") or words.get("en", "")


def sentence(error: YoakeError) -> str:
    """One sentence a person can act on, in their language where the catalogue has it."""
    if isinstance(error, BadInput):
        field = in_words(_WRONG, error.field) if error.field in _WRONG else setting_name(error.field)
        accepted = translated(error.accepted) or error.accepted
        if error.field == "row":  # of a list or file
            return gettext("Row %(row)s: %(accepted)s.") % {"row": error.value, "accepted": accepted}
        return gettext("%(field)s: %(accepted)s.") % {"field": field, "accepted": accepted}
    return plain_sentence(str(error))


def problem_text(text: str) -> str:
    """Why something does not go on, as its error said it; where that is English only, a word before it says so."""
    said = text if not text or is_english() else translated(text)
    return _whole(said) if said is not None else gettext("Details (in English): %(problem)s") % {"problem": text}


def plain_sentence(text: str) -> str:
    """The sentence, in the reader's language where the catalogue has it, with a capital and a full stop."""
    return _whole(translated(text) or text)


def _whole(said: str) -> str:
    if not said or said.endswith((".", "。", "!", "?")):
        return said
    return (said[:1].upper() + said[1:] if is_english() else said) + gettext(".")


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
    if seconds < 2 * 86400:
        return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    return ngettext("%d day", "%d days", seconds // 86400) % (seconds // 86400)


def searched_field_name(name: str) -> str:
    """The part of a case in which words were found."""
    return in_words(_SEARCHED, name)


def bounded(n: int) -> str:
    """A number of cases, which is counted no further than people read."""
    return f"{MOST_COUNTED:,}+" if n > MOST_COUNTED else f"{n:,}"


def in_words(words: Mapping[str, str], code: str) -> str:
    """What a code is called; a code that nobody named stays as it is."""
    return gettext(words[code]) if code in words else code


def _in_language(ja: str, en: str) -> str:
    return en if (get_language() or "ja").startswith("en") else ja
