"""What a post said, kept so that it can be proved later.

Nouns: Evidence, MasterKey. States of Evidence: provisional (captured when the case was queued, for 72 hours), sealed (the
case stands in scope), erased (its key is destroyed). Everything is one encrypted file a case under a key of its own; what
is sealed has a manifest whose digest stands in the audit chain, and a bag of it can be checked by anybody, offline.
"""
