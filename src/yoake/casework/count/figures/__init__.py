"""The shelf of figures; see `yoake.casework.count.figure` for what one must have."""
