"""Version 1's scales in terms of version 2's."""

from __future__ import annotations

import math


def cpu_weight(shares: int) -> int:
    """`cpu.shares` (2 to 262144, default 1024) as `cpu.weight` (1 to 10000, default 100).

    The curve goes through the ends and through the two defaults: log10(weight) is the parabola in
    log2(shares) on which (1, 0), (10, 2) and (18, 4) lie.
    """
    shares = min(max(shares, 2), 262144)
    if shares == 262144:
        return 10000
    power = math.log2(shares)
    exponent = (power * power + 125 * power) / 612 - 7 / 34
    return min(math.ceil(10**exponent), 10000)


def io_weight(weight: int) -> int:
    """`blkio.weight` (10 to 1000) as `io.weight` (1 to 10000)."""
    weight = min(max(weight, 10), 1000)
    return 1 + (weight - 10) * 9999 // 990
