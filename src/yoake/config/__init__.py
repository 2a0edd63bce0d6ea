"""Settings, addresses and entry points. `environment.py` is the one file that reads the environment (`YOAKE_*`)."""
