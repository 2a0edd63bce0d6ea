"""The shelf of connectors: one file per network or file format (contract: `yoake.collect.connector`)."""
