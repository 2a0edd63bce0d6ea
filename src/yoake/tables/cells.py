"""What may stand in a cell of a table that a program like Excel opens."""

from __future__ import annotations


def harmless(value: object) -> object:
    """A value for a line of CSV: numbers as they are, "" for None, words that begin no formula.

    Words that could be taken for one get an apostrophe before them (OWASP, CSV injection); a dash alone could not.
    """
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    words = str(value)
    if words == "-":
        return words
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words
