"""The one hash chain of who did what. Noun: Entry.

An entry holds ids, kinds, times and digests, never content, handles or free text, so that deletion and the chain agree.
Each entry's hash covers the one before it: changing or dropping an entry breaks every later one, and `first_break`
names where. Entries are only ever added, inside the transaction of the act they record.
"""
