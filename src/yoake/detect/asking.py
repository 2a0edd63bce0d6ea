"""What a detector that asks a language model hands to the pipeline, and what it gets back.

The detector writes prompts and reads answers; whoever carries them (network, budget, cache) is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Kept = Mapping[str, Any]  # an answer as it is kept: JSON, with places instead of words of the post


@dataclass(frozen=True)
class Prompt:
    """One question about one version of a post."""

    uid: str
    content_hash: str  # with `version` it says whether the same was asked before
    version: str  # of the wording and of everything that is told besides the post
    messages: tuple[Mapping[str, str], ...]  # role, content
    schema: Mapping[str, Any]  # JSON schema of the answer
    most_tokens: int  # of the answer
    read: Callable[[str], Kept]  # an answer to what is kept of it; raises BadInput, without words of the post


Ask = Callable[[Sequence[Prompt]], Sequence[Kept | None]]  # in the order asked; None: the model declined to answer
