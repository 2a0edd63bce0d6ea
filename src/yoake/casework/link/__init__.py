"""Which cases belong together: near-duplicates now, campaigns later. Nouns: Signature, Band, Likeness."""
