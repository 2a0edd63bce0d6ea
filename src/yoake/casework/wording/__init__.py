"""What the deployment says and seeks in its own words: letters, words for the judge, categories switched on.

Nouns: Letterhead, Letter, CueDraft, Switch. Shipped letters (`shipped/` here, `letters/` in a category's folder) are the
first version; an organisation writes its own, and a version is in force once a second person approved it. A word is tried
on open cases and shipped texts before anybody may approve it, and goes into the overlay folder of its category, where
patrols read it within a second. Switching a category off takes one administrator, switching it on two.
"""
