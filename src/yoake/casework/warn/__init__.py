"""Warnings by reply: a letter of the category, filled in, under a post that stands in scope; and trials of two letters.

Nouns: WarningMessage (with its OutboxItem, which carries the states), Trial (two letters of which a lot draws one for each
case). A person drafts it and a person approves it in the outbox; it is a public reply, so nobody at risk ever gets one, and no
act is withheld for a trial: both letters are in force. What has to be asked in the last second is `queries.reason_to_stop`.
"""
