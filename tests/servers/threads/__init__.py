"""A fake of Threads' keyword search, for tests."""
