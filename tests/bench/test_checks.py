"""The measurement of outstanding checks and clocks: everything is done once, and what it prints is what happened."""

from __future__ import annotations

from bench.checks import HOLDS_S, Figures, kept, measure, said


def test_a_worker_does_what_is_outstanding() -> None:
    found = measure(20, minutes=0.05)
    assert (len(found.checks), len(found.clocks), found.left) == (14, 6, 0)
    assert min(found.checks + found.clocks) >= 0.0, "nothing is done before its time"
    assert found.cpu_s > 0


def test_what_is_late_or_left_is_told() -> None:
    good = Figures([1.0] * 99 + [500.0], [2.0], 0, 1.0, 10.0)
    assert kept(good)
    assert said("checks", good.checks) == "100 checks: late by p50 1.0 s, p95 1.0 s, most 500.0 s"
    assert not kept(Figures([1.0], [2.0], 1, 1.0, 10.0))
    assert not kept(Figures([HOLDS_S + 1.0], [], 0, 1.0, 10.0))
