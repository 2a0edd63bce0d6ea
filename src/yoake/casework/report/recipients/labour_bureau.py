"""Labour bureaus: job ads, where the prefecture of the work is named."""

from __future__ import annotations

from yoake.casework.registers.queries import Listed
from yoake.casework.report.recipient import BY_HAND, EMAIL, JOB_AD, Reason, Seen, signs_by_prefecture

__all__ = ["LabourBureau"]


class LabourBureau:
    """Takes job ads: the Employment Security Act is theirs."""

    label = "Labour bureau"
    kind = "labour_bureau"
    channels = (BY_HAND, EMAIL)

    def candidates(self, seen: Seen) -> list[tuple[Listed, list[Reason]]]:
        if not seen.category.job_ad:
            return []
        bureaus = {body.prefecture: body for body in reversed(seen.bodies[self.kind])}
        signs = signs_by_prefecture(seen).items()
        return [(bureaus[place], [Reason(JOB_AD), *why]) for place, why in signs if place in bureaus]
