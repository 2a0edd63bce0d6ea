"""What flows between rooms: the Arrow schemas of posts, removals and findings.

One file a noun. A schema is the only thing two rooms share: `collect` makes posts and removals, `detect` turns posts
into findings, `casework` stores what people must see. Beside them, what a cell of a file for Excel may hold (`cells.py`). Nothing here opens a file, a socket or a database.
"""
