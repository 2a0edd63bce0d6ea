"""Stretches of time as people write them, wherever figures are shown: on a page, on paper and on the terminal."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext

from yoake.casework.count.figure import Words


def seconds_of(unit: Words) -> int:
    """How many seconds one of a unit has, as tables name units in the language in force; 0 of what is no time."""
    return {gettext("minute"): 60, gettext("hour"): 3600}.get(str(unit), 0)


def duration(seconds: float) -> str:
    """A stretch of time in its two largest parts: 3時間20分, 3 h 20 min."""
    before = "-" if seconds < 0 else ""
    whole = round(abs(seconds))
    if whole < 60:
        return before + gettext("%(seconds)d s") % {"seconds": whole}
    minutes = round(whole / 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    told = {"days": number_format(days, 0, force_grouping=True), "hours": hours, "minutes": rest}
    if days:
        said = gettext("%(days)s d %(hours)d h") if hours else gettext("%(days)s d")
    elif hours:
        said = gettext("%(hours)d h %(minutes)d min") if rest else gettext("%(hours)d h")
    else:
        said = gettext("%(minutes)d min")
    return before + said % told
