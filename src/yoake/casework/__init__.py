"""Where people decide: small Django apps, one noun each (audit, people, sources, cases, quality).

A room is read from the bottom up: `models.py` what is kept, `queries.py` what comes back, `actions.py` what may be
done. Only actions write; each takes an `Actor`, checks what that person may do, writes its rows and one audit line in
one transaction. Rooms beside each other never call each other: rows are the bus. Time is stored in UTC.
"""
