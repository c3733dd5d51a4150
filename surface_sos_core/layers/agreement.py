"""How far frames agree on the colours of places, in compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(parallel=True, nogil=True, cache=True)
def differences(colours, seen):  # type: ignore[no-untyped-def]
    """How far sources are from their median, as the most of the three colours, and the median of that.

    colours (S, N, 3) and seen (S, N) bool of S sources at N places. Returns apart (S, N), 0 where not seen, and typical
    (N,), 0 where no source sees the place; both float32.
    """
    sources, count = seen.shape
    apart = np.zeros((sources, count), np.float32)
    typical = np.zeros(count, np.float32)
    for i in prange(count):
        values = np.empty(sources, np.float32)
        for channel in range(3):
            n = 0
            for s in range(sources):
                if seen[s, i]:
                    n = _insert(values, n, colours[s, i, channel])
            middle = _middle(values, n)
            for s in range(sources):
                if seen[s, i]:
                    apart[s, i] = max(apart[s, i], abs(colours[s, i, channel] - middle))
        n = 0
        for s in range(sources):
            if seen[s, i]:
                n = _insert(values, n, apart[s, i])
        typical[i] = _middle(values, n)
    return apart, typical


@njit(parallel=True, nogil=True, cache=True)
def changes(colours, weights, a, b):  # type: ignore[no-untyped-def]
    """How colours change from one place to another, as a mean over the sources that show both.

    colours (S, N, 3) and weights (S, N), 0 where a source does not show the place; a, b (P,): places. A source counts by
    the lesser of its two weights. Returns change (P, 3), 0 where no source shows both, and the sum of weights (P,); float32.
    """
    sources, pairs = len(colours), len(a)
    change = np.zeros((pairs, 3), np.float32)
    both = np.zeros(pairs, np.float32)
    for p in prange(pairs):
        first, second = a[p], b[p]
        for s in range(sources):
            together = min(weights[s, first], weights[s, second])
            both[p] += together
            for k in range(3):
                change[p, k] += together * (colours[s, second, k] - colours[s, first, k])
        if both[p] > 0:
            change[p] /= both[p]
    return change, both


@njit(nogil=True, cache=True)
def _insert(values, n, value):  # type: ignore[no-untyped-def]
    """Put a value among the first n, which are in order; how many they are then."""
    at = n
    while at > 0 and values[at - 1] > value:
        values[at] = values[at - 1]
        at -= 1
    values[at] = value
    return n + 1


@njit(nogil=True, cache=True)
def _middle(values, n):  # type: ignore[no-untyped-def]
    """Median of the first n values, which are in order; 0 of none."""
    if n == 0:
        return np.float32(0.0)
    return np.float32(0.5) * (values[(n - 1) // 2] + values[n // 2])
