"""Who works here: User, Organisation, Membership(role).

Roles: analyst, supervisor, auditor, administrator, adviser, partner. Every action takes an `Actor` (a person in one
organisation with one role, or the system) and asks it what it may do; a page or an API never decides that itself.
"""
