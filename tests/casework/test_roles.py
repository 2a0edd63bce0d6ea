"""Each action as each role: who may, who may not, and that another organisation's people reach nothing.

Every public function of a room that takes an actor stands in a table below. A new one without a row fails, and so does one
that looks at what it was given before it looks at who asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from django.db import transaction

from tests.casework.every_action import (
    Action,
    Things,
    arguments,
    every_action,
    is_about_somebodys,
    reaches,
    stranger,
)
from tests.world import arrive, finding, post
from yoake.casework.audit.actions import record
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import MAY, Actor, NotAllowed
from yoake.casework.sources.models import Source
from yoake.errors import YoakeError

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("store"),
]  # some actions write the deployment's own folders

ANALYST, SUPERVISOR, ADMINISTRATOR, ADVISER, AUDITOR, PARTNER = (
    "analyst",
    "supervisor",
    "administrator",
    "adviser",
    "auditor",
    "partner",
)
# Who may do what, written down a second time on purpose: people/queries.py must say the same.
WHO: Final[dict[str, set[str]]] = {
    "read": {ANALYST, SUPERVISOR, ADMINISTRATOR, AUDITOR},
    "decide": {ANALYST, SUPERVISOR, ADMINISTRATOR},
    "act": {ANALYST, SUPERVISOR, ADMINISTRATOR},
    "add": {ANALYST, SUPERVISOR, ADMINISTRATOR},
    "note": {ANALYST, SUPERVISOR, ADMINISTRATOR},
    "ask_advice": {ANALYST, SUPERVISOR, ADMINISTRATOR},
    "stop": {ANALYST, SUPERVISOR, ADMINISTRATOR, ADVISER},
    "undo_others": {SUPERVISOR, ADMINISTRATOR},
    "oversee": {SUPERVISOR, ADMINISTRATOR},
    "hold": {SUPERVISOR, ADMINISTRATOR},
    "retain": {SUPERVISOR, ADMINISTRATOR},
    "terms": {SUPERVISOR, ADMINISTRATOR},
    "models": {SUPERVISOR, ADMINISTRATOR},
    "wording": {SUPERVISOR, ADMINISTRATOR},
    "quality": {SUPERVISOR, ADMINISTRATOR, AUDITOR},
    "fill_registers": {SUPERVISOR, ADMINISTRATOR},
    "evidence": {SUPERVISOR, ADMINISTRATOR},
    "registers": {ADMINISTRATOR},
    "senders": {ADMINISTRATOR},
    "sources": {ADMINISTRATOR},
    "people": {ADMINISTRATOR},
    "switch_categories": {ADMINISTRATOR},
    "audit": {ADMINISTRATOR, AUDITOR},
    "advise": {ADVISER},
    "read_decided": {PARTNER},
}
# What changes something, and writes a line of audit.
ACTS: Final[dict[str, str]] = {
    "appeal.actions.dismiss": "oversee",
    "appeal.actions.prove_by_hand": "oversee",
    "appeal.actions.uphold": "oversee",
    "cases.actions.add_by_hand": "add",
    "cases.actions.decide": "decide",
    "cases.actions.remove_practice": "sources",
    "cases.actions.undo": "decide",
    "cases.advice.ask_advice": "ask_advice",
    "cases.advice.give_advice": "advise",
    "cases.checks.check_before": "decide",
    "cases.checks.check_now": "decide",
    "cases.checks.mark_by_hand": "decide",
    "cases.holds.lift_hold": "hold",
    "cases.holds.place_hold": "hold",
    "cases.holds.renew_hold": "hold",
    "cases.leases.assign_to_oneself": "decide",
    "cases.leases.extend_lease": "decide",
    "cases.leases.hand_on": "decide",
    "cases.leases.skip": "decide",
    "cases.leases.take_account_lease": "decide",
    "cases.leases.take_lease": "decide",
    "cases.notes.add_note": "note",
    "cases.notes.mark_minor": "decide",
    "cases.received.add_one": "add",
    "cases.received.hand_in": "add",
    "cases.received.note_export": "read",
    "cases.retention.ask_removal": "retain",
    "cases.retention.consent": "retain",
    "cases.retention.lift_hold": "retain",
    "cases.retention.place_hold": "retain",
    "cases.retention.withdraw_removal": "retain",
    "cases.saved_views.delete_view": "read",
    "cases.saved_views.rename_view": "read",
    "cases.saved_views.save_view": "read",
    "cases.stop.sealed_facts": "retain",
    "cases.stop.stop": "stop",
    "cases.stop.stop_address": "stop",
    "cases.surroundings.ask": "read",
    "count.taken_out.note_taken_out": "read",
    "evidence.actions.bag": "evidence",
    "evidence.actions.keep_on": "evidence",
    "evidence.actions.let_go": "evidence",
    "help.actions.acknowledge": "act",
    "help.actions.hand_to_desk": "act",
    "help.actions.reply_publicly": "oversee",
    "help.actions.settle": "oversee",
    "help.actions.tell_network": "act",
    "help.actions.told": "act",
    "help.actions.write_privately": "act",
    "link.actions.confirm": "decide",
    "link.actions.decide_together": "decide",
    "link.actions.reject": "decide",
    "link.actions.undo_together": "decide",
    "outbox.actions.approve": "act",
    "outbox.actions.approve_second": "act",
    "outbox.actions.decide_uncertain": "act",
    "outbox.actions.discard": "act",
    "outbox.actions.draft": "act",
    "outbox.actions.go_on": "oversee",
    "outbox.actions.rewrite": "act",
    "outbox.actions.sent_by_hand": "act",
    "outbox.actions.stop_all": "act",
    "outbox.actions.try_again": "act",
    "outbox.actions.withdraw": "act",
    "outbox.actions.withdrawn_by_hand": "act",
    "outbox.senders.add_sender": "senders",
    "outbox.senders.change_sender": "senders",
    "outbox.senders.end_sender": "senders",
    "outbox.senders.limit_sender": "senders",
    "outbox.senders.pause_sender": "senders",
    "outbox.senders.prove_sender": "senders",
    "outbox.senders.resume_sender": "senders",
    "people.actions.add_user": "people",
    "people.actions.change_password": "people",
    "people.actions.change_role": "people",
    "people.actions.change_staff_number": "people",
    "people.actions.deactivate": "people",
    "people.actions.found_organisation": "people",
    "people.actions.reactivate": "people",
    "people.actions.reset_second_factor": "people",
    "people.invitations.invite": "people",
    "people.invitations.withdraw_invitation": "people",
    "people.log.export_entries": "audit",
    "people.log.prove_newest": "audit",
    "people.log.write_entries": "audit",
    "quality.actions.accept_term": "terms",
    "quality.actions.close_alarm": "models",
    "quality.actions.judge_sample": "decide",
    "quality.actions.reject_term": "terms",
    "quality.gold.answer": "decide",
    "quality.gold.gold_from_practice": "oversee",
    "quality.gold.mark_gold": "oversee",
    "quality.gold.withdraw_gold": "oversee",
    "quality.guarding.switch_guard": "oversee",
    "quality.lessons.write_training_rows": "models",
    "quality.reviews.judge_again": "decide",
    "quality.reviews.settle": "oversee",
    "quality.service.add_model": "models",
    "quality.service.check_model": "models",
    "quality.service.register_benchmark": "models",
    "quality.service.roll_back": "models",
    "quality.service.serve_model": "models",
    "quality.service.shadow_model": "models",
    "registers.actions.add_body": "fill_registers",
    "registers.actions.add_official_account": "registers",
    "registers.actions.confirm": "registers",
    "registers.actions.fill_in": "fill_registers",
    "registers.actions.remove_body": "registers",
    "registers.actions.withdraw": "registers",
    "registers.actions.withdraw_official_account": "registers",
    "report.actions.acknowledge": "act",
    "report.actions.draft_report": "act",
    "report.actions.handed_over": "act",
    "report.actions.record_result": "act",
    "report.actions.take_package": "act",
    "report.urgent.note_call": "act",
    "warn.actions.draft_correction": "act",
    "warn.actions.draft_warning": "act",
    "warn.trials.end_trial": "wording",
    "warn.trials.start_trial": "wording",
    "request.actions.draft_request": "act",
    "request.actions.draft_second": "act",
    "request.actions.form_changed": "act",
    "request.actions.form_sent": "act",
    "request.actions.record_no_request": "act",
    "request.actions.withdraw_no_request": "act",
    "request.answers.attach_answer": "act",
    "request.answers.draft_answer": "act",
    "request.answers.say_meaning": "act",
    "request.answers.set_aside": "act",
    "request.follow_ups.draft_reminder": "act",
    "request.follow_ups.extend_preservation": "act",
    "request.follow_ups.record_claim": "act",
    "request.follow_ups.take_up": "oversee",
    "request.follow_ups.withdraw_preservation": "act",
    "sources.actions.add_source": "sources",
    "sources.actions.change_source": "sources",
    "sources.actions.record_permission": "sources",
    "sources.actions.remove_source": "sources",
    "sources.actions.resume_source": "sources",
    "sources.actions.switch_source": "sources",
    "sources.actions.withdraw_permission": "sources",
    "sources.plans.add_query": "terms",
    "sources.plans.change_plan": "sources",
    "sources.plans.switch_query": "terms",
    "wording.actions.approve_cue": "wording",
    "wording.actions.approve_letter": "wording",
    "wording.actions.ask_switch_on": "switch_categories",
    "wording.actions.confirm_switch": "switch_categories",
    "wording.actions.draft_cue": "wording",
    "wording.actions.draft_letter": "wording",
    "wording.actions.send_back_cue": "wording",
    "wording.actions.send_back_letter": "wording",
    "wording.actions.set_letterhead": "wording",
    "wording.actions.switch_off": "switch_categories",
    "wording.actions.take_back_switch": "switch_categories",
}
# What only shows.
READS: Final[dict[str, str]] = {
    "cases.offering.burden_of": "oversee",
    "quality.agreement.agreement_by_category": "quality",
    "quality.agreement.figures_of": "oversee",
    "quality.agreement.judged_otherwise": "decide",
    "quality.agreement.own_figures": "decide",
    "quality.agreement.people_to_ask_about": "oversee",
    "cases.advice.advice_of": "advise",
    "cases.advice.advices_about": "read",
    "cases.advice.advices_given": "advise",
    "cases.advice.advices_waiting": "advise",
    "cases.duplicates.repeated_case": "read",
    "cases.duplicates.suggestions": "read",
    "cases.holds.holds_of": "hold",
    "cases.in_scope.decided_in_scope": "read_decided",
    "cases.leases.claims_of": "oversee",
    "appeal.queries.appeal_of": "read",
    "appeal.queries.appeals_about": "read",
    "appeal.queries.appeals_done": "read",
    "appeal.queries.appeals_waiting": "read",
    "cases.outcomes.outcomes_of": "read",
    "cases.queries.case_view": "read",
    "cases.queries.cases_of": "read",
    "cases.queries.checks_by_hand": "read",
    "cases.queries.checks_by_hand_count": "read",
    "cases.queries.earlier_versions": "read",
    "cases.queries.recently_decided": "read",
    "cases.received.look_over": "add",
    "cases.received_counts.latest_received": "read",
    "cases.received_counts.received_of": "read",
    "cases.received_counts.received_rows": "read",
    "cases.retention.retention_of": "retain",
    "cases.saved_views.views_of": "read",
    "cases.searching.search": "read",
    "cases.waiting.cases_awaiting_review": "read",
    "cases.waiting.neighbours": "read",
    "cases.waiting.show": "read",
    "cases.waiting.waiting_by_category": "read",
    "cases.waiting.waiting_cases": "read",
    "cases.waiting.waiting_counts": "read",
    "count.ledger.count": "read",
    "count.suppressing.publish": "read",
    "evidence.queries.holding_of": "read",
    "evidence.queries.undecided": "evidence",
    "help.queries.clock_of": "read",
    "help.queries.clocks_of": "read",
    "help.queries.hand_over_of": "read",
    "help.queries.hand_overs_about": "read",
    "help.queries.hand_overs_of": "read",
    "help.queries.count_hand_overs": "read",
    "help.queries.settled_of": "read",
    "link.queries.decided_together": "read",
    "link.queries.living_copies": "stop",
    "link.queries.similar": "read",
    "link.queries.waiting_together": "read",
    "outbox.queries.for_people": "read",
    "outbox.queries.item_of": "read",
    "outbox.queries.items_of": "read",
    "outbox.queries.left_to_people": "read",
    "outbox.queries.visible": "read",
    "outbox.queries.paused_senders": "read",
    "outbox.queries.senders_for": "read",
    "outbox.queries.standstill_of": "read",
    "outbox.queries.waiting_to_go": "read",
    "outbox.senders.senders_of": "read",
    "people.log.entries_seen_by": "audit",
    "people.queries.members_of": "people",
    "people.queries.open_invitations": "people",
    "people.queries.people_of": "audit",
    "quality.gold.gold_in_force": "oversee",
    "quality.gold.practice_to_offer": "oversee",
    "quality.guarding.guards_of": "quality",
    "quality.measuring.precision_of": "read",
    "quality.measuring.precisions": "read",
    "quality.queries.closed_alarms": "quality",
    "quality.queries.decided_by_grade": "read",
    "quality.queries.estimated_misses": "read",
    "quality.queries.most_useful": "decide",
    "quality.queries.open_alarms": "quality",
    "quality.queries.proposed_terms": "quality",
    "quality.queries.sample_of": "decide",
    "quality.queries.samples_to_review": "decide",
    "quality.queries.terms_in_draft": "quality",
    "quality.reviews.disagreements": "oversee",
    "quality.reviews.next_review": "decide",
    "quality.reviews.reviews_waiting": "decide",
    "quality.reviews.settled_lately": "oversee",
    "request.actions.more_grounds": "act",
    "request.queries.answer_of": "read",
    "request.queries.answers_to": "read",
    "request.queries.escalated_requests": "oversee",
    "request.queries.in_one_mail": "read",
    "request.queries.kinds_for": "read",
    "request.queries.mailboxes_of": "read",
    "request.queries.request_of": "read",
    "request.queries.requests_about": "read",
    "request.queries.requests_of": "read",
    "request.queries.count_requests": "read",
    "request.queries.count_unread": "read",
    "request.queries.may_belong_to": "read",
    "request.figures.answering": "read",
    "request.queries.together_with": "act",
    "request.queries.unread_answers": "read",
    "request.queries.waiting_requests": "read",
    "request.queries.written_back": "read",
    "report.queries.report_of": "read",
    "report.queries.reports_about": "read",
    "report.queries.reports_of": "read",
    "report.queries.count_reports": "read",
    "report.queries.waiting_reports": "read",
    "report.routing.candidates": "read",
    "report.urgent.calls_of": "read",
    "report.urgent.danger_of": "read",
    "report.urgent.dangers": "read",
    "warn.queries.preview": "read",
    "warn.queries.roads_of": "read",
    "warn.queries.warning_of": "read",
    "warn.queries.warnings_about": "read",
    "warn.trials.trials_of": "read",
    "sources.queries.source_of": "read",
    "sources.queries.sources_of": "read",
    "sources.queries.sources_of_desk": "read",
}
# What asks for no permission: a part of other actions (which ask), or about oneself.
NOTHING: Final[dict[str, str]] = {
    "cases.acting.locked": "part of every action on a case",
    "cases.acting.organisation": "part of actions",
    "cases.acting.person": "part of actions",
    "cases.duplicates.lock_both": "part of actions",
    "cases.holds.must_be_free": "part of every act: refuses",
    "cases.holds.who_holds": "part of queries: whose holds lie on posts",
    "cases.leases.colleagues": "part of a form that takes `decide`",
    "cases.leases.release_account_lease": "gives back what one has oneself",
    "cases.leases.release_lease": "gives back what one has oneself",
    "cases.offering.offered": "part of queries: leaves out what one did not opt into",
    "cases.offering.veiled_for": "about oneself",
    "cases.queries.others_of_author": "part of the case page, of cases the page's own query showed",
    "cases.saved_views.may_change": "part of actions",
    "cases.second.blind_reviews": "part of queries: what one must not see yet",
    "cases.second.is_blind": "part of queries: what one must not see yet",
    "cases.second.as_unjudged": "part of queries: what one must not see yet",
    "cases.second.blind_among": "part of queries: what one must not see yet",
    "cases.second.judged_unseen": "part of queries: what one must not see yet",
    "cases.second.untold": "part of queries: what one must not see yet",
    "cases.trials.posts_on_trial": "part of queries: what only oneself sees while it is tried",
    "people.wellbeing.own_limits": "about oneself",
    "request.drafting.drafted": "part of actions",
    "request.drafting.lock_cases": "part of actions",
    "request.drafting.locked_request": "part of actions",
    "request.drafting.mine_of": "part of actions",
    "quality.reviews.overseers_of": "who could settle it, for a sentence",
    "cases.seen.note_all_seen": "notes what oneself does",
    "cases.seen.note_seen": "notes what oneself does",
    "cases.trials.cases_before": "part of trying a cue, which takes `wording`",
    "cases.waiting.meant_for": "part of queries: a filter",
    "link.queries.comparisons_of": "part of a query on cases one was shown",
    "evidence.queries.undecided_count": "0 for whoever may not answer",
    "outbox.reasons.must_be_allowed": "part of every act: refuses",
    "people.queries.colleagues": "who one works with",
    "people.queries.names_of": "who one works with",
    "people.wellbeing.choose": "about oneself",
    "people.wellbeing.day_of": "about oneself",
    "people.wellbeing.had_break": "about oneself",
    "people.wellbeing.note_reading": "about oneself",
    "quality.gold.turn_of": "part of the case page",
    "wording.actions.may_approve": "tells what a person may; acts on nothing",
    "wording.actions.may_confirm": "tells what a person may; acts on nothing",
    "quality.reviews.may_settle": "part of a page that takes `oversee`",
    "wording.trial.try_cue": "part of trying a cue, which takes `wording`",
}
NEEDS: Final = {**ACTS, **READS}
ABOUT_SOMEBODYS: Final = sorted(
    name for name, action in every_action().items() if name in NEEDS and is_about_somebodys(action)
)


@pytest.fixture
def things(police: Organisation, live: Source, supervisor: User, tmp_path: Path) -> Things:
    taken = arrive(live, [post("1"), post("2", "運び屋募集 高額")], [finding(0), finding(1)])
    first, second = Case.objects.filter(pk__in=taken.opened).order_by("pk")
    return Things(police, live, first, second, supervisor, tmp_path)


def tried(action: Action, actor: Actor, things: Things) -> tuple[object, BaseException | None]:
    """What came of it; nothing of it stays."""
    try:
        with transaction.atomic():
            result = action(actor, **arguments(action, things))
            if hasattr(result, "__iter__") and not isinstance(result, str):
                result = list(result)
            transaction.set_rollback(True)
    except Exception as problem:  # a made-up argument may be refused in any way
        return None, problem
    return result, None


def test_every_action_stands_in_a_table() -> None:
    known = {*NEEDS, *NOTHING}
    assert set(every_action()) - known == set(), "give these a row in tests/casework/test_roles.py"
    assert known - set(every_action()) == set(), "these are gone"
    assert not set(NEEDS) & set(NOTHING)


def test_the_roles_may_what_is_written_down() -> None:
    assert set(MAY) == set(Membership.Role.values)
    for role in Membership.Role.values:
        assert {permission for permission, roles in WHO.items() if role in roles} == MAY[role], role


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_each_action_as_each_role(name: str, things: Things, analyst: User) -> None:
    action, permission = every_action()[name], NEEDS[name]
    for role in (*Membership.Role.values, "no role at all"):
        actor = Actor(f"user:{analyst.pk}", analyst.pk, things.organisation.pk, role)
        entries = Entry.objects.count()
        result, problem = tried(action, actor, things)
        if role in WHO[permission]:
            denied = isinstance(problem, NotAllowed) and problem.permission == permission
            assert not denied, f"{role} may {permission}, but {name} says no"
        else:
            assert isinstance(problem, NotAllowed), f"{role} must not {name}: {result!r} {problem!r}"
            assert problem.permission == permission
        assert Entry.objects.count() == entries


@pytest.mark.parametrize("name", ABOUT_SOMEBODYS)
def test_another_organisation_reaches_nothing(name: str, things: Things, analyst: User, hotline: Organisation) -> None:
    action, permission = every_action()[name], NEEDS[name]
    for role in sorted(WHO[permission]):
        result, problem = tried(action, stranger(Actor(f"user:{analyst.pk}", analyst.pk, 0, role), hotline.pk), things)
        assert isinstance(problem, YoakeError) or not result, (
            f"{name} as {role} of another body: {result!r} {problem!r}"
        )


@pytest.mark.parametrize("name", sorted(ACTS))
def test_each_act_is_noted(name: str) -> None:
    assert reaches(every_action()[name], record), f"{name} writes no line of audit"
