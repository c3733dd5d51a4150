"""Loops of an SDF network compiled by numba for the CPU: encoding, network, normals and their gradients block by block.

A block is BLOCK points in columns: (rows, BLOCK). All products are sums of rows, which the compiler turns into vector
instructions, and what a block needs stays in cache. Weights come padded with zeros to even counts of rows and to columns
that are a multiple of four.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from surface_sos_core.fields import hash_grid_kernels as kernels
from surface_sos_core.fields.hash_grid_kernels import BLOCK
from surface_sos_core.fields.softplus import BETA, softplus, softplus_with_slope

SPAN = 4096  # points at most whose encodings a thread makes at a time


@njit(fastmath=True, cache=True, error_model="numpy")
def _add_product(weight, rows, out):  # type: ignore[no-untyped-def]
    """out += weight @ rows, for rows (K, BLOCK) and weight (J, K)."""
    for k in range(0, weight.shape[1], 4):
        for j in range(0, weight.shape[0], 2):
            a, b, c, d = weight[j, k], weight[j, k + 1], weight[j, k + 2], weight[j, k + 3]
            e, f, g, h = weight[j + 1, k], weight[j + 1, k + 1], weight[j + 1, k + 2], weight[j + 1, k + 3]
            for i in range(BLOCK):
                p, q, r, s = rows[k, i], rows[k + 1, i], rows[k + 2, i], rows[k + 3, i]
                out[j, i] += a * p + b * q + c * r + d * s
                out[j + 1, i] += e * p + f * q + g * r + h * s


@njit(fastmath=True, cache=True, error_model="numpy")
def _add_outer(left, right, out):  # type: ignore[no-untyped-def]
    """out += left @ right^T, for left (J, BLOCK) and right (K, BLOCK)."""
    for k in range(0, out.shape[1], 4):
        for j in range(0, out.shape[0], 2):
            zero = np.float32(0.0)
            a, b, c, d, e, f, g, h = zero, zero, zero, zero, zero, zero, zero, zero
            for i in range(BLOCK):
                v, w = left[j, i], left[j + 1, i]
                p, q, r, s = right[k, i], right[k + 1, i], right[k + 2, i], right[k + 3, i]
                a += v * p
                b += v * q
                c += v * r
                d += v * s
                e += w * p
                f += w * q
                g += w * r
                h += w * s
            out[j, k] += a
            out[j, k + 1] += b
            out[j, k + 2] += c
            out[j, k + 3] += d
            out[j + 1, k] += e
            out[j + 1, k + 1] += f
            out[j + 1, k + 2] += g
            out[j + 1, k + 3] += h


@njit(fastmath=True, cache=True, error_model="numpy")
def _load(x, start, stop, blocks):  # type: ignore[no-untyped-def]
    """Points start..stop of x (N, 3) into rows 0..2 of blocks."""
    for i in range(start, stop):
        block, column = (i - start) // BLOCK, (i - start) % BLOCK
        for axis in range(3):
            blocks[block, axis, column] = x[i, axis]


@njit(fastmath=True, cache=True, error_model="numpy")
def _place_in_grid(rows, count, position):  # type: ignore[no-untyped-def]
    """position (3, BLOCK): points of [-1, 1]^3 in rows 0..2, clamped, as places in [0, 1]^3."""
    half, zero, one = np.float32(0.5), np.float32(0.0), np.float32(1.0)
    for axis in range(3):
        for i in range(count):
            position[axis, i] = min(max(half * (rows[axis, i] + one), zero), one)


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def encode(pairs, x, levels, active, normals, span, inputs, slopes):  # type: ignore[no-untyped-def]
    """inputs (blocks, rows, BLOCK): x and its encoding from row 3 on; slopes (blocks of the first `normals` points,
    6 * levels, BLOCK): derivatives of the encoding along x, y, z, feature by feature. Neither is written off these.

    pairs: the table (entries,) with both features of an entry as one number of 64 bits.
    """
    for part in prange((len(x) + span - 1) // span):
        start, stop = part * span, min((part + 1) * span, len(x))
        position, place, corner, _ = kernels.scratch()
        value, found = np.empty((8, BLOCK), np.int64), np.empty((8, BLOCK), np.float32)
        scale = np.empty((3, BLOCK), np.float32)
        _load(x, start, stop, inputs[start // BLOCK :])
        for k in range(active):
            level = levels[k]
            entries = pairs[level[1] : level[2]]
            for first in range(start, stop, BLOCK):
                count, rows = min(BLOCK, stop - first), inputs[first // BLOCK]
                _place_in_grid(rows, count, position)
                kernels.locate(position, count, level, corner, place)
                kernels.gather(entries, corner, count, value)
                if first >= normals:
                    kernels.between(place, value.view(np.float32), count, found)
                    rows[3 + 2 * k, :count], rows[4 + 2 * k, :count] = found[0, :count], found[1, :count]
                    continue
                kernels.between_with_slopes(place, value.view(np.float32), count, found)
                rows[3 + 2 * k, :count], rows[4 + 2 * k, :count] = found[0, :count], found[1, :count]
                count = min(count, normals - first)
                _scale(rows, count, np.float32(0.5) * np.float32(level[0]), scale)
                to = slopes[first // BLOCK, 6 * k : 6 * k + 6]
                for row in range(6):
                    for i in range(count):
                        to[row, i] = found[2 + row, i] * scale[row % 3, i]


@njit(fastmath=True, cache=True, error_model="numpy")
def _scale(rows, count, factor, scale):  # type: ignore[no-untyped-def]
    """scale (3, BLOCK): a factor, 0 where a coordinate is clamped."""
    for axis in range(3):
        for i in range(count):
            inside = abs(rows[axis, i]) <= np.float32(1.0)
            scale[axis, i] = factor if inside else np.float32(0.0)


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def forward(  # type: ignore[no-untyped-def]
    inputs, slopes, weight, back_weight, bias, out_weight, out_bias, normals, value, slope, back,
    sdf, feature, normal,
):  # fmt: skip
    """The network's answers, and what the way back needs of each block: value and slope of the hidden units, and back,
    the distance's gradient by the network's inputs."""
    for block in prange(len(inputs)):
        first, hidden = block * BLOCK, len(bias)
        count = min(BLOCK, len(sdf) - first)
        z, s, rows = value[block], slope[block], inputs[block]
        for j in range(hidden):
            z[j] = bias[j]
        _add_product(weight, rows, z)
        for j in range(hidden):
            for i in range(BLOCK):
                z[j, i], s[j, i] = softplus_with_slope(z[j, i])
        out = np.empty((len(out_bias), BLOCK), np.float32)
        for j in range(len(out_bias)):
            out[j] = out_bias[j]
        _add_product(out_weight, z, out)
        for i in range(count):
            sdf[first + i] = out[0, i]
            for j in range(feature.shape[1]):
                feature[first + i, j] = out[1 + j, i]
        if first >= normals:
            continue
        count = min(count, normals - first)
        pull = np.empty((hidden, BLOCK), np.float32)
        for j in range(hidden):
            w = out_weight[0, j]
            for i in range(BLOCK):
                pull[j, i] = w * s[j, i]
        u, along = back[block], slopes[block]
        u[:] = np.float32(0.0)
        _add_product(back_weight, pull, u)
        n = np.empty((3, BLOCK), np.float32)
        for axis in range(3):
            n[axis] = u[axis]
            for k in range(len(along) // 3):
                for i in range(BLOCK):
                    n[axis, i] += along[3 * k + axis, i] * u[3 + k, i]
        for i in range(count):
            for axis in range(3):
                normal[first + i, axis] = n[axis, i]


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def backward(  # type: ignore[no-untyped-def]
    inputs, slopes, value, slope, back, weight, back_weight, out_weight, pull_weight, g_sdf, g_feature, g_normal,
    share, g_inputs, g_weight, g_bias, g_out_weight, g_out_bias,
):  # fmt: skip
    """Gradients g_inputs (blocks, rows, BLOCK) by the network's inputs, and those of its parameters, added up by each share
    of the blocks on its own: g_weight (shares, J, K) and so on. pull_weight: the output layer's transpose."""
    for part in prange(len(g_weight)):
        g_out = np.zeros((len(out_weight), BLOCK), np.float32)
        g_back = np.zeros((weight.shape[1], BLOCK), np.float32)
        g_value = np.empty((len(weight), BLOCK), np.float32)
        g_pull = np.empty((len(weight), BLOCK), np.float32)
        for block in range(part * share, min((part + 1) * share, len(inputs))):
            first, s = block * BLOCK, slope[block]
            _load_rows(g_sdf, g_feature, first, g_out)
            _clear(g_value)
            _add_product(pull_weight, g_out, g_value)
            _multiply(g_value, s)
            if first < len(g_normal):
                _through_slopes(g_normal, slopes[block], first, g_back)
                _clear(g_pull)
                _add_product(weight, g_back, g_pull)
                _through_pull(s, out_weight[0], g_value, g_pull, g_out_weight[part, 0])
                _add_outer(g_pull, g_back, g_weight[part])
            _clear(g_inputs[block])
            _add_product(back_weight, g_value, g_inputs[block])
            _add_outer(g_value, inputs[block], g_weight[part])
            _add_outer(g_out, value[block], g_out_weight[part])
            _add_sums(g_value, g_bias[part])
            _add_sums(g_out, g_out_bias[part])


@njit(fastmath=True, cache=True, error_model="numpy")
def _load_rows(g_sdf, g_feature, first, g_out):  # type: ignore[no-untyped-def]
    """The answers' gradients of a block's points, in columns; zeros for points that the last block has not."""
    count = min(BLOCK, len(g_sdf) - first)
    if count < BLOCK:
        _clear(g_out)
    for i in range(count):
        g_out[0, i] = g_sdf[first + i]
        for j in range(g_feature.shape[1]):
            g_out[1 + j, i] = g_feature[first + i, j]


@njit(fastmath=True, cache=True, error_model="numpy")
def _through_slopes(g_normal, along, first, g_back):  # type: ignore[no-untyped-def]
    """What the normals' gradients are to the distance's gradient by the network's inputs."""
    count = min(BLOCK, len(g_normal) - first)
    if count < BLOCK:
        _clear(g_back)
    for i in range(count):
        for axis in range(3):
            g_back[axis, i] = g_normal[first + i, axis]
    for k in range(len(along) // 3):
        for i in range(BLOCK):
            g_back[3 + k, i] = (
                along[3 * k, i] * g_back[0, i]
                + along[3 * k + 1, i] * g_back[1, i]
                + along[3 * k + 2, i] * g_back[2, i]
            )


@njit(fastmath=True, cache=True, error_model="numpy")
def _through_pull(slope, output, g_hidden, g_pull, g_output):  # type: ignore[no-untyped-def]
    """g_pull's part in the gradients of the hidden layer and of the output's weights; g_pull becomes the pull itself."""
    one, beta = np.float32(1.0), np.float32(BETA)
    for j in range(len(slope)):
        w, total = output[j], np.float32(0.0)
        for i in range(BLOCK):
            s, g = slope[j, i], g_pull[j, i]
            total += g * s
            g_hidden[j, i] += beta * s * (one - s) * g * w
            g_pull[j, i] = w * s
        g_output[j] += total


@njit(fastmath=True, cache=True, error_model="numpy")
def _clear(rows):  # type: ignore[no-untyped-def]
    for j in range(len(rows)):
        for i in range(BLOCK):
            rows[j, i] = np.float32(0.0)


@njit(fastmath=True, cache=True, error_model="numpy")
def _multiply(rows, factors):  # type: ignore[no-untyped-def]
    for j in range(len(rows)):
        for i in range(BLOCK):
            rows[j, i] *= factors[j, i]


@njit(fastmath=True, cache=True, error_model="numpy")
def _add_sums(rows, out):  # type: ignore[no-untyped-def]
    """out (J,) += sums over the columns of rows (J, BLOCK)."""
    for j in range(len(rows)):
        total = np.float32(0.0)
        for i in range(BLOCK):
            total += rows[j, i]
        out[j] += total


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def add_gradient(grad, inputs, g_inputs, back, g_normal, count, levels, active, threads):  # type: ignore[no-untyped-def]
    """grad (entries, 2) += what g_inputs sends back through the encoding, and g_normal (M, 3) through its slopes."""
    half = np.float32(0.5)
    for thread in prange(threads):
        position, place, corner, weight = kernels.scratch()
        along, sloped = np.empty((3, BLOCK), np.float32), np.empty((8, BLOCK), np.float32)
        # Strided: fine levels miss the cache and cost more, so each thread gets coarse and fine ones.
        for k in range(thread, active, threads):
            level = levels[k]
            entries = grad[level[1] : level[2]]
            for first in range(0, count, BLOCK):
                block, here = first // BLOCK, min(BLOCK, count - first)
                rows, u = inputs[block], g_inputs[block, 3 + 2 * k : 5 + 2 * k]
                _place_in_grid(rows, here, position)
                kernels.locate(position, here, level, corner, place)
                kernels.trilinear(place, here, weight)
                with_normal = max(0, min(here, len(g_normal) - first))
                if with_normal > 0:
                    v = back[block, 3 + 2 * k : 5 + 2 * k]
                    _scale(rows, with_normal, half * np.float32(level[0]), along)
                    for i in range(with_normal):
                        for axis in range(3):
                            along[axis, i] *= g_normal[first + i, axis]
                    kernels.slopes(along, with_normal, place, sloped)
                    for i in range(with_normal):
                        a, b, p, q = u[0, i], u[1, i], v[0, i], v[1, i]
                        for c in range(8):
                            n, w, s = corner[c, i], weight[c, i], sloped[c, i]
                            entries[n, 0] += w * a + s * p
                            entries[n, 1] += w * b + s * q
                for i in range(with_normal, here):
                    a, b = u[0, i], u[1, i]
                    for c in range(8):
                        n, w = corner[c, i], weight[c, i]
                        entries[n, 0] += w * a
                        entries[n, 1] += w * b


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def distance(pairs, x, levels, active, weight, bias, out_weight, constant, span, out):  # type: ignore[no-untyped-def]
    """out[i] = out_weight . softplus(weight [x_i, encoding of x_i] + bias) + constant, some points at a time."""
    for part in prange((len(x) + span - 1) // span):
        start, stop = part * span, min((part + 1) * span, len(x))
        position, place, corner, _ = kernels.scratch()
        value, found = np.empty((8, BLOCK), np.int64), np.empty((8, BLOCK), np.float32)
        inputs = np.zeros((span // BLOCK, weight.shape[1], BLOCK), np.float32)
        z, total = np.empty((len(bias), BLOCK), np.float32), np.empty(BLOCK, np.float32)
        _load(x, start, stop, inputs)
        for k in range(active):
            level = levels[k]
            entries = pairs[level[1] : level[2]]
            for first in range(start, stop, BLOCK):
                count, rows = min(BLOCK, stop - first), inputs[(first - start) // BLOCK]
                _place_in_grid(rows, count, position)
                kernels.locate(position, count, level, corner, place)
                kernels.gather(entries, corner, count, value)
                kernels.between(place, value.view(np.float32), count, found)
                rows[3 + 2 * k, :count], rows[4 + 2 * k, :count] = found[0, :count], found[1, :count]
        for first in range(start, stop, BLOCK):
            count, rows = min(BLOCK, stop - first), inputs[(first - start) // BLOCK]
            for j in range(len(bias)):
                z[j] = bias[j]
            _add_product(weight, rows, z)
            total[:] = constant
            for j in range(len(bias)):
                w = out_weight[j]
                for i in range(BLOCK):
                    total[i] += w * softplus(z[j, i])
            out[first : first + count] = total[:count]
