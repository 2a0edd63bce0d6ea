"""The licence check refuses what it must; `make check` runs it over the locks."""

import pytest

from tests.house.licences import verdict


@pytest.mark.parametrize(
    "licence", ["MIT", "LGPL-3.0-only", "Apache-2.0 OR BSD-2-Clause", "Mozilla Public License 2.0 (MPL 2.0)"]
)
def test_allowed(licence: str) -> None:
    assert verdict(licence) == ""


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-or-later",
        "GNU General Public License v2 (GPLv2)",
        "GNU Affero General Public License v3",
        "AGPL-3.0",
        "Artistic License / GNU General Public License v2 or later (GPLv2+)",
        "",
        "Proprietary",
    ],
)
def test_refused(licence: str) -> None:
    assert verdict(licence)
