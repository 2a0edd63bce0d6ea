"""Prefectural police: the force of each prefecture that the post, its profile or its parent names."""

from __future__ import annotations

from yoake.casework.registers.queries import Listed
from yoake.casework.report.recipient import BY_HAND, EMAIL, Reason, Seen, signs_by_prefecture

__all__ = ["PrefecturalPolice"]


class PrefecturalPolice:
    """Takes every category that provides for a report."""

    label = "Prefectural police"
    kind = "prefectural_police"
    channels = (BY_HAND, EMAIL)

    def candidates(self, seen: Seen) -> list[tuple[Listed, list[Reason]]]:
        forces = {body.prefecture: body for body in reversed(seen.bodies[self.kind])}
        return [(forces[place], why) for place, why in signs_by_prefecture(seen).items() if place in forces]
