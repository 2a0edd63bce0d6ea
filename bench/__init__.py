"""Speed and quality, one command each: a table for people, the last line of output one JSON object."""
