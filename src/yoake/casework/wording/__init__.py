"""What the deployment says and seeks in its own words: letters, words for the judge, categories switched on.

Nouns: Letterhead, Letter, CueDraft, Switch. Shipped letters (`shipped/` here, `letters/` in a category's folder) are the
first version; an organisation writes its own, and a version is in force once a second person approved it. A word, proposed
by hand or by the system (`quality`), is tried on open cases and shipped texts before anybody may approve it, and goes into
the overlay folder of its category, where patrols read it within a second; it counts for all, so where several
organisations work here another one approves it. Switching a category off takes one administrator where one organisation
works here, else one of another besides; switching it on takes two of whichever.
"""
