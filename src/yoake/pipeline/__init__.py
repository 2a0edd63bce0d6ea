"""Joins the rooms into the line and keeps it moving; owns no table.

`line.py` runs one source (collect -> detect -> intake), `patrol.py` all of them, `worker.py` does what is due. How posts
travel to the detector is an engine on the shelf `engines/`; what the worker does is a duty on the shelf `duties/`.
"""
