"""Commands of Django that do more here than what Django ships."""
