"""What the log must not hold."""

from __future__ import annotations

import logging
import re

_INVITATION = re.compile(r"(/invitation/)[^/\s]+")


class WithoutTokens(logging.Filter):
    """Takes the secret out of an invitation's address: a line about a mistyped password must not invite its reader."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record through."""
        told = record.getMessage()
        if "/invitation/" in told:
            record.msg, record.args = _INVITATION.sub(r"\1…", told), None
        return True
