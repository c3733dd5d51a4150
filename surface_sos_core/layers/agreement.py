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


@njit(nogil=True, cache=True)
def smoothed(values, known, beside, rounds):  # type: ignore[no-untyped-def]
    """Values (N,) float32, each the mean of itself and its neighbours that are known (N,), so many times over.

    beside (N, 4): the neighbours, -1 for none. What is not known stays as it is.
    """
    count = len(values)
    now, last = values.copy(), values.copy()
    for _ in range(rounds):
        now, last = last, now
        for i in range(count):
            if not known[i]:
                continue
            total, n = last[i], np.float32(1.0)
            for side in range(4):
                j = beside[i, side]
                if j >= 0 and known[j]:
                    total += last[j]
                    n += np.float32(1.0)
            now[i] = total / n
    return now


@njit(nogil=True, cache=True)
def one_each(cost, colours, beside, seam, rounds):  # type: ignore[no-untyped-def]
    """One source (N,) for each place, -1 where none is to be had: what it costs there, and what its seams show, at its least.

    cost (S, N), infinite where a source is not to be had at a place; colours (S, N, 3); beside (N, 4) the neighbours right,
    left, below and above, -1 for none. A seam between two sources costs `seam` times by how much they differ on its two
    sides (Kwatra et al., "Graphcut textures", SIGGRAPH 2003). Each row chooses at once, by dynamic programming, what is best
    beside the rows around it; then each column, and again.
    """
    sources, count = cost.shape
    chosen = np.full(count, -1, np.int32)
    for i in range(count):
        least = np.inf
        for s in range(sources):
            if cost[s, i] < least:
                least, chosen[i] = cost[s, i], s
    chain = np.empty(count, np.int64)
    total = np.empty((2, sources), np.float32)
    came = np.empty((count, sources), np.int32)
    for n in range(rounds):
        onwards = 0 if n % 2 == 0 else 2
        for i in range(count):
            back = beside[i, onwards + 1]
            if chosen[i] < 0 or (back >= 0 and chosen[back] >= 0):
                continue
            length, j = 0, i
            while j >= 0 and chosen[j] >= 0:
                chain[length] = j
                length, j = length + 1, beside[j, onwards]
            for k in range(length):
                j = chain[k]
                now, last = total[k % 2], total[(k + 1) % 2]
                for s in range(sources):
                    now[s], came[k, s] = np.inf, s
                    if not np.isfinite(cost[s, j]):
                        continue
                    if k > 0:
                        for t in range(sources):
                            if last[t] < now[s]:
                                passed = last[t] + seam * _step(cost, colours, t, s, chain[k - 1], j)
                                if passed < now[s]:
                                    now[s], came[k, s] = passed, t
                    else:
                        now[s] = 0.0
                    now[s] += cost[s, j]
                    for side in range(2 - onwards, 4 - onwards):
                        near = beside[j, side]
                        if near >= 0 and chosen[near] >= 0:
                            now[s] += seam * _step(cost, colours, s, chosen[near], j, near)
            s = np.argmin(total[(length - 1) % 2])
            for k in range(length - 1, -1, -1):
                chosen[chain[k]] = s
                s = came[k, s]
    return chosen


@njit(nogil=True, cache=True)
def _step(cost, colours, s, t, i, j):  # type: ignore[no-untyped-def]
    """What shows of a seam between source s at place i and t at j: how they differ at either, 1 where one is not to be had."""
    if s == t:
        return np.float32(0.0)
    if not (np.isfinite(cost[t, i]) and np.isfinite(cost[s, j])):
        return np.float32(1.0)
    total = np.float32(0.0)
    for k in range(3):
        total += abs(colours[s, i, k] - colours[t, i, k]) + abs(colours[s, j, k] - colours[t, j, k])
    return total


@njit(nogil=True, cache=True)
def changes(colours, seen, chosen, a, b):  # type: ignore[no-untyped-def]
    """How colours change from one place to another, as the places' own sources show it.

    colours (S, N, 3) and seen (S, N) bool; chosen (N,), the source of each place or -1; a, b (P,): places. Where the two have
    different sources it is the mean of what those say that show both. Returns change (P, 3), 0 where none does, and how many
    do (P,); float32.
    """
    pairs = len(a)
    change = np.zeros((pairs, 3), np.float32)
    both = np.zeros(pairs, np.float32)
    for p in range(pairs):
        first, second = a[p], b[p]
        if chosen[first] < 0 or chosen[second] < 0:
            continue
        for end in range(1 if chosen[first] == chosen[second] else 2):
            s = chosen[first] if end == 0 else chosen[second]
            if seen[s, first] and seen[s, second]:
                both[p] += 1
                for k in range(3):
                    change[p, k] += colours[s, second, k] - colours[s, first, k]
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
