"""The shelf of engines: one file each (contract: `yoake.pipeline.engine`)."""
