"""Everything that leaves as a PDF: facts in, octets out. Nobody else makes one.

    octets = papers.pdf("evidence", {"language": "ja", ...})

Contract: a paper is one file `templates/<name>.typ` (typst); it says at its top which facts it takes, begins with
`#import "paper.typ": *` and takes everything it says of its own from `words` of the language (`ja`, `en`). Facts are data:
a JSON object whose strings are shown as they are, never read as typst, so that a post cannot write into a paper. What the
font cannot show stands as its code point and name. PDF/A-2b, so that it opens in years; no font, package or network but
what is installed with Yoake.
"""

from yoake.papers.typesetting import pdf

__all__ = ["pdf"]
