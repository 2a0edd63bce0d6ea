"""The shelf of detectors: one file each (contract: `yoake.detect.detector`)."""
