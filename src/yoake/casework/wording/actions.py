"""Writing letters, proposing words, switching categories: one person drafts, a second one puts it in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.asked import once
from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import organisation
from yoake.casework.cases.categories import TOKYO, category
from yoake.casework.people.log import record_for_all
from yoake.casework.people.models import Membership
from yoake.casework.people.queries import MAY, Actor
from yoake.casework.wording.checks import must_be_sound
from yoake.casework.wording.letters import shipped, versions
from yoake.casework.wording.models import CueDraft, Letter, Letterhead, Switch
from yoake.casework.wording.trial import try_cue
from yoake.detect.category import Phrase, load_categories
from yoake.errors import BadInput, Refused
from yoake.learn.overlay import WEIGHTS, add_phrase, language, switch

NOTE_LONGEST = 200
PHRASE_LONGEST = 60
LETTERHEAD_LONGEST = (60, 80, 30)  # characters of Japanese name, English name, telephone


def set_letterhead(actor: Actor, name_ja: str, name_en: str, telephone: str, now: datetime | None = None) -> Letterhead:
    """Says under which name and telephone the organisation writes. Raises BadInput for one that is missing or too long."""
    actor.must("wording")
    now = now or timezone.now()
    given = {"name_ja": name_ja.strip(), "name_en": name_en.strip(), "telephone": telephone.strip()}
    for (field, value), longest in zip(given.items(), LETTERHEAD_LONGEST, strict=True):
        if not value or len(value) > longest or "\n" in value or "{" in value:
            raise BadInput(field, value, f"one line of at most {longest} characters, without braces")
    if not any(char.isdigit() for char in given["telephone"]):
        raise BadInput("telephone", given["telephone"], "a telephone number at which a reader can ask back")
    with transaction.atomic():
        head, _made = Letterhead.objects.update_or_create(
            organisation_id=actor.organisation_id, defaults={**given, "by_id": _person(actor), "at": now}
        )
        record("letterhead_set", actor=actor.name, organisation=actor.organisation_id, subject=_mine(actor), at=now)
    return head


# --- letters --------------------------------------------------------------------------------------------------------


def draft_letter(actor: Actor, slug: str, name: str, language: str, text: str, now: datetime | None = None) -> Letter:
    """Writes a new version of a letter; it is in force once a second person approved it.

    Raises BadInput naming every rule that the text breaks, Refused while another draft of the letter waits.
    """
    actor.must("wording")
    now, text = now or timezone.now(), "\n".join(line.rstrip() for line in text.strip().splitlines())
    shipped(slug, name, language)  # there is such a letter
    must_be_sound(category(slug), name, language, text)
    with transaction.atomic():
        written = versions(actor.organisation_id, slug, name, language).select_for_update(of=("self",))
        newest = written.first()
        if newest is not None and newest.approved_at is None and newest.rejected_at is None:
            raise Refused("a draft of this letter waits already: approve it or send it back first")
        letter = Letter(
            organisation_id=actor.organisation_id, category=slug, name=name, language=language,
            number=newest.number + 1 if newest else 1, text=text, by_id=_person(actor), at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                letter.save()
        except IntegrityError:  # somebody drafted it in the same moment
            raise Refused("a draft of this letter waits already: approve it or send it back first") from None
        _note("letter_drafted", actor, f"letter:{letter.pk}", now, category=slug, letter=f"{name}.{language}")
    return letter


def approve_letter(actor: Actor, letter_id: int, now: datetime | None = None) -> Letter:
    """Puts a draft in force. Raises Refused for its own writer, BadInput when no such draft waits."""
    actor.must("wording")
    now = now or timezone.now()
    with transaction.atomic():
        letter = _waiting(actor, letter_id)
        if letter.by_id == actor.user_id:
            raise Refused("a second person approves a letter: ask a colleague who may edit letters")
        must_be_sound(category(letter.category), letter.name, letter.language, letter.text)  # rules may be newer
        letter.approved_by_id, letter.approved_at = _person(actor), now
        letter.save(update_fields=["approved_by", "approved_at"])
        _note("letter_approved", actor, f"letter:{letter.pk}", now, category=letter.category)
    return letter


def send_back_letter(actor: Actor, letter_id: int, now: datetime | None = None) -> Letter:
    """Says that a draft is not to be used: by a colleague, or by its writer who withdraws it."""
    actor.must("wording")
    now = now or timezone.now()
    with transaction.atomic():
        letter = _waiting(actor, letter_id)
        letter.rejected_at = now
        letter.save(update_fields=["rejected_at"])
        _note("letter_sent_back", actor, f"letter:{letter.pk}", now, category=letter.category)
    return letter


# --- words for the judge --------------------------------------------------------------------------------------------


def draft_cue(
    actor: Actor,
    slug: str,
    cue: str,
    phrase: str,
    strength: str,
    *,
    note: str = "",
    now: datetime | None = None,
    together_with: Callable[[CueDraft], None] | None = None,
) -> CueDraft:
    """Proposes a word for the judge and tries it at once on open cases and shipped texts; it counts for nothing yet.

    Args:
        actor: somebody who may edit wording.
        slug: a category that the judge seeks.
        cue: the role the word plays, a cue of the category.
        phrase: the word, at most 60 characters on one line.
        strength: weak, medium or strong.
        note: where it was seen.
        now: the time; the clock's when left out.
        together_with: what else is written in the transaction that keeps the draft; nothing is kept if it raises.

    Raises:
        BadInput: an unknown category, cue or strength, or a phrase that the category would not load with or has already.
    """
    actor.must("wording")
    now, phrase, note = now or timezone.now(), phrase.strip(), note.strip()
    known = category(slug)
    if known.record_only:
        raise BadInput("category", slug, "a category that the judge seeks")
    if cue not in [one.name for one in known.cues]:
        raise BadInput("cue", cue, f"a role of the category: {', '.join(one.name for one in known.cues)}")
    if strength not in WEIGHTS:
        raise BadInput("strength", strength, f"one of {', '.join(WEIGHTS)}")
    if not phrase or len(phrase) > PHRASE_LONGEST or any(char in phrase for char in "\t\n\r{}|"):
        raise BadInput("phrase", phrase, f"one line of at most {PHRASE_LONGEST} characters, without braces")
    if any((cue, phrase) == (one.cue, one.phrase) for one in known.phrases):
        raise BadInput("phrase", phrase, "a word the category does not have yet")
    if len(note) > NOTE_LONGEST:
        raise BadInput("note", note, f"at most {NOTE_LONGEST} characters")
    wanted = _phrase(actor.organisation_id, cue, phrase, strength, now)
    tried = try_cue(actor, slug, wanted)  # takes seconds, so that nothing is locked yet
    with transaction.atomic():
        draft = CueDraft.objects.create(
            organisation_id=actor.organisation_id, category=slug, cue=cue, phrase=phrase, strength=strength, note=note,
            tried=tried, by_id=_person(actor), at=now,
        )  # fmt: skip
        if together_with is not None:
            together_with(draft)
        _note_for_all("cue_drafted", actor, slug, now, cue=cue, draft=str(draft.pk))
    return draft


def approve_cue(actor: Actor, draft_id: int, now: datetime | None = None) -> CueDraft:
    """Makes a tried word a phrase of the category; every organisation's patrols judge with it from their next page on.

    Raises Refused for whoever proposed it, for their organisation where another one can approve it, and where the category
    got the word meanwhile; BadInput when no such draft waits.
    """
    actor.must("wording")
    now = now or timezone.now()
    with transaction.atomic():
        draft = _waiting_cue(draft_id)
        if draft.by_id == actor.user_id:
            raise Refused("a second person approves a word: ask a colleague who may edit wording")
        if not may_approve(actor, draft):
            raise Refused("somebody of another organisation approves this word: it counts there too")
        draft.approved_by_id, draft.approved_at = _person(actor), now
        draft.save(update_fields=["approved_by", "approved_at"])
        # The audit's one lock puts writers of the folder in order; the file comes last, so that it never runs ahead.
        _note_for_all("cue_approved", actor, draft.category, now, cue=draft.cue, draft=str(draft.pk))
        phrase = _phrase(draft.organisation_id, draft.cue, draft.phrase, draft.strength, now, draft.pk)
        if not add_phrase(settings.YOAKE_CATEGORIES, draft.category, phrase):
            raise Refused("the category has this word by now: send the proposal back")
    return draft


def send_back_cue(actor: Actor, draft_id: int, now: datetime | None = None) -> CueDraft:
    """Says that a proposed word is not to be used: withdrawn by who proposed it, or declined, by any organisation."""
    actor.must("wording")
    now = now or timezone.now()
    with transaction.atomic():
        draft = _waiting_cue(draft_id)
        draft.rejected_at = now
        draft.save(update_fields=["rejected_at"])
        _note_for_all("cue_sent_back", actor, draft.category, now, cue=draft.cue, draft=str(draft.pk))
    return draft


def may_approve(actor: Actor, draft: CueDraft) -> bool:
    """Whether this person may approve a proposed word."""
    if not actor.may("wording") or actor.user_id == draft.by_id:
        return False
    return actor.organisation_id != draft.organisation_id or not approved_elsewhere(draft)


def approved_elsewhere(draft: CueDraft) -> bool:
    """Whether somebody of another organisation approves a word: it counts for all, so where one can, no body does it alone."""
    home = draft.organisation_id
    able = once(("wording elsewhere", home), lambda: set(_elsewhere(home, "wording").values_list("user_id", flat=True)))
    return bool(able - {draft.by_id})


# --- categories -----------------------------------------------------------------------------------------------------


def switch_off(actor: Actor, slug: str, now: datetime | None = None) -> Switch:
    """The judge no longer seeks a category; what waits stays.

    Where only one organisation works here this takes one administrator. Else it blinds the others too: an administrator
    of another organisation confirms it, and until then (`confirmed_at` is None) nothing changes. Raises Refused when it
    is off, or asked for already.
    """
    actor.must("switch_categories")
    now = now or timezone.now()
    with transaction.atomic():
        _must_be(slug, enabled=True)
        asked = _ask(actor, slug, now, on=False)
        if _elsewhere(actor.organisation_id, "switch_categories").exclude(user_id=actor.user_id).exists():
            _note_for_all("category_off_asked", actor, slug, now)
        else:
            _carry_out(asked, None, actor, now)
    return asked


def ask_switch_on(actor: Actor, slug: str, now: datetime | None = None) -> Switch:
    """Asks that the judge seeks a category; a second administrator, of whichever organisation, confirms."""
    actor.must("switch_categories")
    now = now or timezone.now()
    with transaction.atomic():
        _must_be(slug, enabled=False)
        asked = _ask(actor, slug, now, on=True)
        _note_for_all("category_on_asked", actor, slug, now)
    return asked


def confirm_switch(actor: Actor, slug: str, now: datetime | None = None) -> Switch:
    """Does what was asked: the judge seeks the category from now on, or no longer.

    Raises Refused for whoever asked, and for switching off by their organisation; BadInput when nobody asked.
    """
    actor.must("switch_categories")
    now = now or timezone.now()
    with transaction.atomic():
        asked = Switch.objects.select_for_update(of=("self",)).filter(category=slug, confirmed_at=None).first()
        if asked is None:
            raise BadInput("category", slug, "one that somebody asked to switch")
        if asked.asked_by_id == actor.user_id:
            raise Refused("a second administrator confirms this: ask a colleague")
        if not may_confirm(actor, asked):
            raise Refused("an administrator of another organisation confirms this: it looks for the category too")
        _must_be(slug, enabled=not asked.on)
        _carry_out(asked, _person(actor), actor, now)
    return asked


def may_confirm(actor: Actor, asked: Switch) -> bool:
    """Whether this person may confirm what was asked."""
    another = asked.on or asked.organisation_id != actor.organisation_id
    return actor.may("switch_categories") and asked.asked_by_id != actor.user_id and another


def take_back_switch(actor: Actor, slug: str, now: datetime | None = None) -> None:
    """Nobody is to confirm what was asked: withdrawn by who asked, or declined. Raises BadInput when nobody asked."""
    actor.must("switch_categories")
    now = now or timezone.now()
    with transaction.atomic():
        if not Switch.objects.filter(category=slug, confirmed_at=None).delete()[0]:
            raise BadInput("category", slug, "one that somebody asked to switch")
        _note_for_all("category_switch_taken_back", actor, slug, now)


def _ask(actor: Actor, slug: str, now: datetime, *, on: bool) -> Switch:
    asked = Switch(category=slug, on=on, organisation_id=organisation(actor), asked_by_id=_person(actor), asked_at=now)
    try:
        with transaction.atomic():
            asked.save()
    except IntegrityError:  # also when somebody asks in the same moment
        raise Refused("this was asked already: a second administrator confirms it") from None
    return asked


def _elsewhere(organisation_id: int, permission: str) -> QuerySet[Membership]:
    """Those who work in other organisations now and may do this there."""
    roles = [role for role, allowed in MAY.items() if permission in allowed]
    there = Membership.objects.filter(role__in=roles, ended_at=None, user__is_active=True)
    return there.exclude(organisation_id=organisation_id)


def _carry_out(asked: Switch, second: int | None, actor: Actor, now: datetime) -> None:
    asked.confirmed_by_id, asked.confirmed_at = second, now
    asked.save(update_fields=["confirmed_by", "confirmed_at"])
    _note_for_all("category_on" if asked.on else "category_off", actor, asked.category, now)
    switch(settings.YOAKE_CATEGORIES, asked.category, enabled=asked.on)  # the file comes last: it never runs ahead


def _must_be(slug: str, *, enabled: bool) -> None:
    known = load_categories(settings.YOAKE_CATEGORIES)[0].get(slug)  # as it stands this very moment
    if known is None or known.record_only:
        raise BadInput("category", slug, "a category that the judge seeks")
    if known.enabled is not enabled:
        raise Refused(f"the category {slug} is switched {'off' if enabled else 'on'} already")


def _phrase(organisation_id: int, cue: str, phrase: str, strength: str, now: datetime, draft: int = 0) -> Phrase:
    source = f"proposed and approved in the console (draft {draft}, organisation {organisation_id})"
    month = now.astimezone(TOKYO).strftime("%Y-%m")
    return Phrase(cue, phrase, WEIGHTS[strength], language(phrase), month, source, "")


def _waiting(actor: Actor, letter_id: int) -> Letter:
    mine = Letter.objects.select_for_update(of=("self",)).filter(organisation_id=actor.organisation_id)
    letter = mine.filter(pk=letter_id, approved_at=None, rejected_at=None).first()
    if letter is None:
        raise BadInput("letter", letter_id, "there is no such draft in your organisation")
    return letter


def _waiting_cue(draft_id: int) -> CueDraft:
    """A draft of whichever organisation: what is for all, all may decline."""
    waiting = CueDraft.objects.select_for_update(of=("self",)).filter(approved_at=None, rejected_at=None)
    draft = waiting.filter(pk=draft_id).first()
    if draft is None:
        raise BadInput("cue", draft_id, "a word that waits for approval; this one was approved or sent back already")
    return draft


def _person(actor: Actor) -> int:
    if not actor.user_id:
        raise Refused("only a person can do this")
    return actor.user_id


def _mine(actor: Actor) -> str:
    return f"organisation:{actor.organisation_id}"


def _note_for_all(kind: str, actor: Actor, slug: str, now: datetime, **facts: str) -> None:
    """What is the whole deployment's is nobody's secret: each organisation's audit says it."""
    record_for_all(kind, actor.name, actor.organisation_id, f"category:{slug}", now, category=slug, **facts)


def _note(kind: str, actor: Actor, subject: str, now: datetime, **facts: str) -> None:
    record(kind, actor=actor.name, organisation=actor.organisation_id or None, subject=subject, at=now, **facts)
