"""The shelf of duties: what the worker does, one file each (contract: `yoake.pipeline.duty`)."""
