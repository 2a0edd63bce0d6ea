"""A real Nostr relay on loopback (the package nostr-relay, in an environment of its own), and authors who sign."""
