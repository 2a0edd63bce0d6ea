"""Objections of those who got a letter, or were named in one: taken on a public page, answered by a person.

Noun: Appeal. It is the author's only once control of the account is proved: a code stands in its profile, and the duty `prove`
saw it there, or a supervisor did. Until then, and for everybody else, it is a note of a third party. It waits with a clock of its own;
upheld, it withdraws the warning, prepares a correction to every provider that was asked, and the case is judged anew.
"""
