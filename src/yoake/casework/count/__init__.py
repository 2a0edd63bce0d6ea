"""The ledger: every figure, derived from dated events of cases. Reads only; no table of its own.

    counted = ledger.count(actor, Scope(organisation_id, Period.read("2024"), now), ["f9", "f10", "f11"])

A figure is one file of the shelf `figures/` (contract: `figure.py`). It says what it counts, out of what and by which rule, and
gives tables; `ledger.py` asks it and keeps the very queries it asked. `published/` holds what others printed of years
before, as data, and is marked as such wherever it stands. What is published passes `suppressing.py`.
"""
