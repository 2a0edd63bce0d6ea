"""API keys and other secrets by name: from a file that only its owner can read, or from the environment."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from yoake.errors import BadInput, Refused

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LONGEST_BYTES: Final = 16_384
VARIABLE: Final = "YOAKE_SECRET_"  # and the name in capitals


NAMES_ARE: Final = "a name of small letters, digits and _; the secret itself stands in its file"


def is_name(text: str) -> bool:
    """Whether this can be the name of a secret."""
    return _NAME.fullmatch(text) is not None


class Keys:
    """Hands out secrets by name; what it knows stands in no option, no log and no database.

    Args:
        folder: a file here is called as its secret, and holds nothing else; None: no folder.
        given: secrets by name that go before files (from YOAKE_SECRET_<NAME>).
    """

    def __init__(self, folder: Path | None = None, given: Mapping[str, str] | None = None) -> None:
        self._folder, self._given = folder, dict(given or {})

    def __repr__(self) -> str:
        return f"Keys({self._folder})"

    def __call__(self, name: str) -> str:
        """The secret, without white space around it.

        Raises:
            BadInput: this cannot be a name (small letters, digits and _).
            Refused: it is missing, others can read it, or it is not one word of ASCII; says what to do.
        """
        if not is_name(name):
            raise BadInput("secret", "(not shown)", NAMES_ARE)  # somebody may have written the secret itself
        secret = self._given.get(name) or self._from_file(name)
        if not re.fullmatch("[!-~]+", secret):
            raise Refused(f"the secret {name} is empty, or not one word of ASCII; write it anew: {self._how(name)}.")
        return secret

    def _how(self, name: str) -> str:
        if self._folder is None:
            return f"set {VARIABLE}{name.upper()}"
        return f"put it alone into {self._folder / name} with rights 0600, or set {VARIABLE}{name.upper()}"

    def _from_file(self, name: str) -> str:
        missing = Refused(f"the secret {name} is missing: {self._how(name)}.")
        if self._folder is None:
            raise missing
        path = self._folder / name
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                state = os.fstat(file.fileno())
                if not stat.S_ISREG(state.st_mode):
                    raise missing
                if state.st_mode & 0o077:
                    raise Refused(f"others can read the secret {name}: chmod 600 {path}, and renew the secret.")
                return file.read(_LONGEST_BYTES).decode("ascii", "replace").strip()
        except (FileNotFoundError, IsADirectoryError):
            raise missing from None
        except OSError as error:
            raise Refused(
                f"the secret {name} cannot be read ({error.strerror}): give this account the right to read {path}."
            ) from None
