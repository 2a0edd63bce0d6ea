"""What the audit says happened, and who did it, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext, gettext_noop, pgettext

from yoake.casework.audit.models import Entry
from yoake.console import judging_words, outbox_words, words

_ENTRIES = {
    **judging_words.ENTRIES,
    **outbox_words.ENTRIES,
    "folded": gettext_noop("folded the case under one that says nearly the same"),
    "likeness_confirmed": gettext_noop("confirmed that the case says the same as another"),
    "likeness_rejected": gettext_noop("said that the case does not say the same as another"),
    "stopped": gettext_noop("stopped the post: it must not be held"),
    "parent_stopped": gettext_noop("erased the words of the post it answers: that one was stopped"),
    "stopped_again": gettext_noop("stopped the post again, after a backup had brought it back"),
    "legal_hold_placed": gettext_noop("put the case on legal hold"),
    "legal_hold_lifted": gettext_noop("lifted the legal hold"),
    "removal_asked": gettext_noop("asked for an earlier removal"),
    "removal_consented": gettext_noop("agreed to the earlier removal"),
    "removal_declined": gettext_noop("took back or declined the earlier removal"),
    "stopped_item_seen": gettext_noop("read the address of a stopped post for the hand-over"),
    "wellbeing_chosen": gettext_noop("changed their own limits"),
    "case_opened": gettext_noop("opened the case"),
    "case_reopened": gettext_noop("opened the case again, because the post changed"),
    "added_by_hand": gettext_noop("added the post by hand"),
    "searched": gettext_noop("searched for words"),
    "view_saved": gettext_noop("saved a view of the inbox"),
    "view_renamed": gettext_noop("renamed a view of the inbox"),
    "view_deleted": gettext_noop("deleted a view of the inbox"),
    "handed_in": gettext_noop("handed in posts"),
    "received_exported": gettext_noop("took the counts of what was received out as a file"),
    "figures_exported": gettext_noop("took statistics out as a file"),
    "lease_taken": gettext_noop("started reading"),
    "lease_released": gettext_noop("stopped reading"),
    "lease_extended": gettext_noop("asked for more time"),
    "skipped": gettext_noop("skipped the case"),
    "handed_on": gettext_noop("handed the case on"),
    "assigned": gettext_noop("kept the case for themselves"),
    "decided": gettext_noop("made a decision"),
    "undone": gettext_noop("undid the decision"),
    "noted": gettext_noop("wrote a note"),
    "minor_set": gettext_noop("noted that the author may be under 18"),
    "minor_cleared": gettext_noop("noted that the author is not under 18"),
    "post_changed": gettext_noop("saw that the post was edited"),
    "post_gone": gettext_noop("saw that the post is gone"),
    "post_back": gettext_noop("saw that the post is back"),
    "evidence_captured": gettext_noop("captured the post as evidence"),
    "evidence_fetched": gettext_noop("fetched what the network has of the post as evidence"),
    "evidence_sealed": gettext_noop("sealed the evidence"),
    "evidence_stamped": gettext_noop("had the evidence time-stamped"),
    "evidence_erased": gettext_noop("erased the evidence"),
    "evidence_kept": gettext_noop("kept what was captured for another 72 hours"),
    "evidence_exported": gettext_noop("took the evidence out"),
    "evidence_key_rotated": gettext_noop("changed the master key of evidence"),
    "evidence_key_lost": gettext_noop("gave up evidence whose key is lost"),
    "erased": gettext_noop("erased text, author and link"),
    "second_look": gettext_noop("looked at the post again"),
    "post_named": gettext_noop("found the network’s own name of the post"),
    "case_joined": gettext_noop("joined the case to the post that the patrol found"),
    "context_asked": gettext_noop("asked for thread and profile"),
    "context_fetched": gettext_noop("fetched thread and profile"),
    "context_erased": gettext_noop("erased thread and profile"),
    "outcome_written": gettext_noop("wrote down what became of it"),
    "checked": gettext_noop("looked whether the post is still there"),
    "check_asked": gettext_noop("asked whether the post is still there"),
    "case_viewed": gettext_noop("looked at the case"),
    "context_viewed": gettext_noop("looked at thread and profile"),
    "in_scope_viewed": gettext_noop("looked at what was decided in scope"),
    "audit_viewed": gettext_noop("looked at the audit"),
    "audit_proved": gettext_noop("proved the chain"),
    "audit_exported": gettext_noop("took audit entries out as a file"),
    "advice_asked": gettext_noop("put the case to the adviser"),
    "advice_given": gettext_noop("answered as adviser"),
    "signed_in": gettext_noop("signed in"),
    "user_added": gettext_noop("added a person"),
    "password_changed": gettext_noop("changed a password"),
    "role_changed": gettext_noop("changed a role"),
    "staff_number_changed": gettext_noop("changed a staff number"),
    "deactivated": gettext_noop("ended a person’s work here"),
    "reactivated": gettext_noop("took a person back"),
    "second_factor_added": gettext_noop("set up a second factor"),
    "second_factor_removed": gettext_noop("removed a second factor"),
    "second_factor_reset": gettext_noop("reset a second factor"),
    "identity_linked": gettext_noop("signed in elsewhere for the first time; that identity is linked now"),
    "recovery_codes_made": gettext_noop("made recovery codes"),
    "invited": gettext_noop("invited a person"),
    "invitation_withdrawn": gettext_noop("withdrew an invitation"),
    "invitation_accepted": gettext_noop("accepted an invitation"),
    "organisation_founded": gettext_noop("added an organisation"),
    "letterhead_set": gettext_noop("set the letterhead"),
    "letter_drafted": gettext_noop("drafted a letter"),
    "letter_approved": gettext_noop("put a letter in force"),
    "letter_sent_back": gettext_noop("sent a letter back"),
    "cue_drafted": gettext_noop("proposed a word"),
    "cue_approved": gettext_noop("approved a word"),
    "cue_sent_back": gettext_noop("sent a word back"),
    "category_off": gettext_noop("switched a category off"),
    "category_off_asked": gettext_noop("asked to switch a category off"),
    "category_on_asked": gettext_noop("asked to switch a category on"),
    "category_on": gettext_noop("switched a category on"),
    "category_switch_taken_back": gettext_noop("left a category as it was"),
    "warning_drafted": gettext_noop("drafted a warning"),
    "correction_drafted": gettext_noop("drafted a correction of a warning"),
    "trial_started": gettext_noop("started a trial of two letters"),
    "trial_ended": gettext_noop("ended a trial of two letters"),
    "report_drafted": gettext_noop("drafted a report to an authority"),
    "report_package_taken": gettext_noop("took the package of a report"),
    "report_handed_over": gettext_noop("handed a report over"),
    "report_acknowledged": gettext_noop("wrote down that a report arrived"),
    "report_result": gettext_noop("wrote down what came of a report"),
    "request_drafted": gettext_noop("drafted a request to a provider"),
    "request_handed_over": gettext_noop("sent a request to a provider by hand"),
    "request_form_changed": gettext_noop("saw that a provider’s form was changed"),
    "request_clock_began": gettext_noop("a request went; its clock began"),
    "request_overdue": gettext_noop("a request was not answered in time"),
    "request_reminder_drafted": gettext_noop("drafted a reminder to a provider"),
    "request_reminded": gettext_noop("a reminder to a provider went"),
    "request_over_gone": gettext_noop("saw that what a request asks to take down is gone; its clock ended"),
    "request_written_back": gettext_noop("an answer to a provider went; its clock began anew"),
    "request_escalated": gettext_noop("put a request that nobody answered to a supervisor"),
    "request_taken_up": gettext_noop("decided about a request that nobody answered"),
    "request_claim_recorded": gettext_noop("wrote down a rights claim of the person harmed"),
    "request_answered": gettext_noop("wrote down what a provider’s answer means"),
    "answer_arrived": gettext_noop("mail of a provider arrived"),
    "answer_attached": gettext_noop("attached a mail to a request"),
    "answer_set_aside": gettext_noop("set a mail aside"),
    "answer_drafted": gettext_noop("drafted an answer to a provider"),
    "preservation_ending": gettext_noop("a preservation ends soon"),
    "preservation_ended": gettext_noop("a preservation ended"),
    "no_request": gettext_noop("wrote down why nothing is requested"),
    "no_request_withdrawn": gettext_noop("took back why nothing is requested"),
    "appeal_lodged": gettext_noop("objected to a letter"),
    "appeal_proved": gettext_noop("saw that the objection is the author’s"),
    "appeal_upheld": gettext_noop("upheld an objection"),
    "appeal_answered": gettext_noop("answered an objection"),
    "help_drafted": gettext_noop("prepared help"),
    "help_told": gettext_noop("told a desk"),
    "help_acknowledged": gettext_noop("wrote down who has it at the desk"),
    "help_settled": gettext_noop("wrote down why nobody needs to be told"),
    "emergency_noted": gettext_noop("wrote down what was done about the danger"),
    "contact_filled_in": gettext_noop("filled a contact into the registers"),
    "contact_confirmed": gettext_noop("confirmed a contact of the registers"),
    "contact_withdrawn": gettext_noop("withdrew a contact of the registers"),
    "body_added": gettext_noop("added a body to the registers"),
    "body_removed": gettext_noop("took a body out of the registers"),
    "official_account_added": gettext_noop("added an official account"),
    "official_account_withdrawn": gettext_noop("withdrew an official account"),
    "source_added": gettext_noop("added a source"),
    "source_changed": gettext_noop("changed a source"),
    "source_removed": gettext_noop("removed a source"),
    "permission_recorded": gettext_noop("recorded a permission"),
    "permission_withdrawn": gettext_noop("withdrew a permission"),
    "sent_to_judge": gettext_noop("sent the post to a language model outside this network"),
    "source_switched_on": gettext_noop("switched a source on"),
    "source_switched_off": gettext_noop("switched a source off"),
    "source_resumed": gettext_noop("let a source go on"),
    "practice_removed": gettext_noop("removed the practice desk"),
    "plan_changed": gettext_noop("changed a watch plan"),
    "query_added": gettext_noop("added a query to a watch plan"),
    "query_paused": gettext_noop("paused a query"),
    "query_resumed": gettext_noop("let a query go on"),
    "account_lease_taken": gettext_noop("began to act towards the account"),
    "account_lease_released": gettext_noop("gave the account back"),
    "hold_placed": gettext_noop("placed a hold"),
    "hold_renewed": gettext_noop("renewed a hold"),
    "hold_lifted": gettext_noop("lifted a hold"),
    "alarm_raised": gettext_noop("raised an alarm about the detector"),
    "alarm_closed": gettext_noop("closed an alarm about the detector"),
    "sample_judged": gettext_noop("judged a post of the blind sample"),
    "term_accepted": gettext_noop("put a word that was found to a second person"),
    "term_rejected": gettext_noop("rejected a word that was found"),
    "decisions_written": gettext_noop("wrote a file of what there is to learn from"),
    "model_added": gettext_noop("added a model to the store"),
    "model_checked": gettext_noop("compared a model with the one in service"),
    "benchmark_registered": gettext_noop("registered the frozen texts that models are compared on"),
}
_SUBJECTS = {
    "case": gettext_noop("Case %(id)s"),
    "user": gettext_noop("Person %(id)s"),
    "invitation": gettext_noop("Invitation %(id)s"),
    "organisation": gettext_noop("Organisation %(id)s"),
    "source": gettext_noop("Source %(id)s"),
    "post": gettext_noop("Post %(id)s"),
}
_PARTS = {
    "patrol": gettext_noop("Patrol"),
    "intake": gettext_noop("Patrol"),
    "worker": gettext_noop("Worker"),
    "command": gettext_noop("Command line"),
    "organisation": gettext_noop("Another organisation"),
    "public": gettext_noop("Somebody on the public page"),
}


def actor_name(actor: str, names: Mapping[int, str]) -> str:
    """Who did something, from how the audit writes it: user:7, patrol:2, worker."""
    kind, _, number = actor.partition(":")
    if kind == "user" and number.isdigit():
        return names.get(int(number), gettext("somebody of another organisation"))
    return words.in_words(_PARTS, kind)


def kinds() -> list[tuple[str, str]]:
    """Every kind of entry there is, with its name, by name; also those that nobody wrote yet."""
    return sorted(((kind, entry_name(kind)) for kind in _ENTRIES), key=lambda one: (one[1], one[0]))


def entry_name(kind: str) -> str:
    """What kind of thing an audit entry tells."""
    return words.in_words(_ENTRIES, kind)


def subject_name(subject: str) -> str:
    """What an entry is about, from how the audit writes it: case:12; what has no name here stays as it is."""
    kind, _, number = subject.partition(":")
    return gettext(_SUBJECTS[kind]) % {"id": number} if kind in _SUBJECTS and number.isdigit() else subject


def subject_asked(asked: str) -> str:
    """The subject that somebody means who types it, or its name in their language."""
    asked = asked.strip()
    for kind, said in _SUBJECTS.items():
        names = "|".join(re.escape(name.removesuffix("%(id)s").strip()) for name in (said, gettext(said)))
        if found := re.fullmatch(rf"(?:{names})\s*(\d+)", asked, re.IGNORECASE):
            return f"{kind}:{int(found[1])}"
    return asked


def entry_text(entry: Entry) -> str:
    """What an audit entry says happened."""
    done = words.in_words(_ENTRIES, entry.kind)
    facts = entry.facts
    detail = ""
    if entry.kind in ("decided", "reviewed", "settled"):
        detail = words.verdict_in_full(str(facts.get("verdict", "")), str(facts.get("category") or ""))
        if facts.get("duplicate_of"):
            detail = gettext("duplicate of case %(case)s") % {"case": facts["duplicate_of"]}
    elif entry.kind in ("case_opened", "added_by_hand") and facts.get("category"):
        detail = words.category_name(str(facts["category"]))
        if facts.get("grade"):
            detail += pgettext("between category and grade", ", ") + words.grade_name(str(facts["grade"]))
    elif entry.kind == "erased" and facts.get("why") == "record_only":
        done = gettext("erased everything but address, time and count")
    elif entry.kind == "second_look":
        found = words.category_name(str(facts.get("category", "")))
        detail = (
            words.detector_name(str(facts.get("detector", ""))) + pgettext("between verdict and category", ": ") + found
        )
    elif entry.kind == "checked":
        detail = words.outcome_name(str(facts.get("outcome", "")))
    elif entry.kind in ("role_changed", "invited", "user_added", "invitation_accepted"):
        detail = words.role_name(str(facts.get("role", "")))
    elif entry.kind.startswith(("category_", "cue_", "term_")):
        detail = words.category_name(str(facts.get("category", "")))
    elif entry.kind == "post_gone":
        detail = words.gone_name(str(facts.get("state", "")))
    return gettext("%(done)s (%(detail)s)") % {"done": done, "detail": detail} if detail else done
