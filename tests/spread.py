"""How `make test` spreads the tests over two processes: what shares a costly start stays in one of them.

Said by folder and file, because pytest 9 no longer hears the marks of pytest-xdist 3.8 (`xdist_group`).
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling


class TogetherByStart(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of a file in the browser or on the command line share a server or a data folder, those of fine-tuning PyTorch."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith(("tests/e2e/", "tests/cli/")):
            return file
        return "pytorch" if file.endswith("test_finetune.py") else nodeid


def pytest_xdist_make_scheduler(config: Any, log: Any) -> TogetherByStart:
    """Asked by pytest-xdist in the process that hands out tests."""
    return TogetherByStart(config, log)
