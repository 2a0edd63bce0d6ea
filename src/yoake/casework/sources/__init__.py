"""Where posts come from: Source (connector, options, cursor, state, lease), HourCount, Skipped, NgramCount.

A source is read by one patrol at a time: the lease says who, and every page is written only while the lease is held.
States: running, waiting (tries again by itself), paused (a person must act), stopped. Of posts that nobody needs to
see, only hourly counts and hashed n-gram counts a day are kept, no text.
"""
