"""Pages for people who got a letter: no sign-in, nothing kept in the browser but the token that protects forms."""
