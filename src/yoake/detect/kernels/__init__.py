"""The hot loops, compiled by numba: one kernel a file, no objects, no strings, arrays in and arrays out.

Each kernel has a slow plain twin in `tests/detect/naive.py`; twin tests hold the two together. Kernels release the
GIL and cache their machine code beside the source (or in NUMBA_CACHE_DIR), so that a second process starts quickly.
"""
