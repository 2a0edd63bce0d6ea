"""Finds harmful posts. Arrow in, Arrow out; no network, no database, no Django.

A detector (contract: `detector.py`, shelf: `detectors/`) turns a batch of posts into a batch of findings. It is pure
and deterministic: the same posts and the same version give the same findings, on any machine and in any process.
What a harm *is* stands as data in `categories/`, one folder a harm; `text/` undoes disguises, `kernels/` makes it fast.
"""
