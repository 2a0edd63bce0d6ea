"""A fake of X's API version 2, for tests."""
