"""Requests to providers: take this down, suspend this account, preserve this, tell us who this is; and what they answer.

Nouns: Request (with its OutboxItem, which carries the states; one mail may carry several), NoRequest (why none is made),
Mailbox and Answer (what a provider wrote back; a person says what it means). Shelf `kinds/`, contract `kind.py`. Nothing is
requested before evidence is sealed; police are asked first whether they want it preserved there. A request that went is
unanswered, reminded of after five business days, put to a supervisor, and answered: removed, refused, asks back. Nothing is
requested by itself, and nothing goes to a provider whose contact nobody confirmed.
"""
