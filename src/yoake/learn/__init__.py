"""Makes better detectors from labelled posts; works on files, reaches neither Django nor a network.

Its noun is the row: a text, what it was found to be, and the group (author, thread, near copies) that no split may
tear apart. `corpus.py` reads rows, `copies.py` finds near copies, `training.py` turns rows into a model folder that
`detect/detectors/linear.py` judges with, `evaluation.py` measures one, `shipped.py` rebuilds the shipped one.
"""
