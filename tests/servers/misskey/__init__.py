"""A Misskey server on loopback, as its public API document describes it (SOURCE.md says what it is made from)."""
