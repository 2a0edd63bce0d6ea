"""Hotlines in Japan: what belongs to one of the classes they take. A hotline does not report to hotlines."""

from __future__ import annotations

from yoake.casework.registers.queries import Listed
from yoake.casework.report.recipient import BY_HAND, EMAIL, HOTLINE_CLASS, HOTLINE_FORM, Reason, Seen

__all__ = ["Hotline"]

_TAKEN = ("illegal", "serious_crime_related", "suicide_inducing")  # the Internet Hotline Center's classes


class Hotline:
    """Its form takes one item URL at a time."""

    label = "Hotline"
    kind = "hotline"
    channels = (HOTLINE_FORM, EMAIL, BY_HAND)

    def candidates(self, seen: Seen) -> list[tuple[Listed, list[Reason]]]:
        if seen.hotline_class not in _TAKEN or seen.organisation_kind == "hotline":
            return []
        return [(body, [Reason(HOTLINE_CLASS, about=seen.hotline_class)]) for body in seen.bodies[self.kind]]
