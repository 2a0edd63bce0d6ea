"""Everything that leaves the house, once: replies, messages, reports, mail, and what a person carries out by hand.

Nouns: Sender (an account or mailbox that speaks for an organisation), OutboxItem (one thing to say, to one addressee),
Standstill (the stop switch for all). An item is draft -> approved -> sending -> sent, or failed; it is stopped before it
went (`stopped_why` says the code) and withdrawn after. A person drafts it, a person approves it (a second one where the
category or the room demands), the worker sends it (`pipeline/sending.py`). `sending` is committed before the network is asked;
what a killed worker left in that state is looked up there before it is said again, and what cannot be looked up a person
decides. Shelf `channels/`, contract `channel.py`.
"""
