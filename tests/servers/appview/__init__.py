"""A fake of the parts of Bluesky's AppView that search needs, for tests."""
