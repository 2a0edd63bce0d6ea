"""What people judge: Post, PostVersion, Account, Finding, Case, Lease, Decision, Erasure, Check, Surroundings, Naming.

Post, Account and Finding belong to the deployment; a Case belongs to one organisation (unique on post and organisation).
States of a case: waiting, second_review, decided, closed. A decision says in_scope, not_in_scope, cannot_tell or duplicate and
points at the version that was read; undoing is a new decision. A lease says who is reading, so that two people never
decide the same case. What was found out of scope is erased after 72 hours by its Erasure row; the numbers stay.
A Check asks whether a post is still there and keeps the outcome, written once; Surroundings stand beside a post.
"""
