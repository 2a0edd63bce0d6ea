"""Partner hotlines abroad: what stands with a provider of their country."""

from __future__ import annotations

from yoake.casework.registers.queries import Listed
from yoake.casework.report.recipient import EMAIL, HOSTED_ABROAD, HOTLINE_FORM, Reason, Seen

__all__ = ["PartnerHotline"]


class PartnerHotline:
    """None is shipped: the organisation adds those it works with, each with its country."""

    label = "Partner hotline abroad"
    kind = "partner_hotline"
    channels = (HOTLINE_FORM, EMAIL)

    def candidates(self, seen: Seen) -> list[tuple[Listed, list[Reason]]]:
        return [
            (body, [Reason(HOSTED_ABROAD, about=body.country)])
            for body in seen.bodies[self.kind]
            if body.country in seen.abroad
        ]
