"""Brings posts in. One file per network or file format on the shelf `connectors/`; the contract is `connector.py`.

A connector sees its options, a cursor and `net`; it never stores, sleeps or prompts. It yields pages of posts and
removals as Arrow batches, strict on id, author, time and text: what it cannot read is a `Skip`, counted and named,
never guessed. It knows nothing of detectors, databases or screens.
"""
