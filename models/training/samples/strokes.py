"""Simulates an artist: strokes inside a region, corrections where a mask is wrong, and plausible wrong masks.

All at the network's size, on tensors. The next stroke goes to the deepest wrong place (RITM, Cutie: `_get_next_click`),
drawn as a curve, a line or a click; a share of them as by an artist in a hurry.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

_CELL = 4  # regions are searched at a quarter of the size


def depth_map(region: Tensor, levels: int = 14) -> Tensor:
    """Returns how deep each place of a small binary map (h, w) lies inside it, in cells, 0 outside."""
    x = F.pad(region[None, None].float(), (1, 1, 1, 1), value=0.0)
    total = x.clone()
    for _ in range(levels):
        x = -F.max_pool2d(-x, 3, 1, 1)
        total = total + x
        if not bool(x.any()):
            break
    return total[0, 0, 1:-1, 1:-1]


def component(region: Tensor, row: int, column: int) -> Tensor:
    """Returns the part of a small binary map (h, w) connected to one place, as a binary map."""
    allowed = region[None, None].float()
    x = torch.zeros_like(allowed)
    x[0, 0, row, column] = 1.0
    count = -1.0
    for step in range(200):
        x = F.max_pool2d(x, 3, 1, 1) * allowed
        if step % 10 == 9:
            now = float(x.sum())
            if now == count:
                break
            count = now
    return x[0, 0] > 0


def _small(region: Tensor) -> Tensor:
    coarse = F.avg_pool2d(region[None, None].float(), _CELL)[0, 0]
    small = coarse > 0.6
    return small if bool(small.any()) else coarse > 0.0


def _pick(weights: Tensor, rng: np.random.Generator) -> tuple[int, int]:
    flat = weights.flatten().double().cpu().numpy()
    index = int(rng.choice(len(flat), p=flat / flat.sum()))
    return divmod(index, weights.shape[1])


def stroke_in(
    region: Tensor, rng: np.random.Generator, deepest: bool = False, hurried: float = 0.0
) -> NDArray[np.float64] | None:
    """Returns the points (K, 2) x, y of one stroke inside a binary map (H, W), or None if it is empty.

    Args:
        region: where the stroke belongs.
        rng: source of randomness.
        deepest: start at the deepest place, as a careful artist would.
        hurried: share of strokes that are short, wavy and off the middle, and may run across the border.
    """
    small = _small(region)
    if not bool(small.any()):
        return None
    depth = depth_map(small)
    start = divmod(int(depth.argmax()), depth.shape[1]) if deepest else _pick(depth.square(), rng)
    jitter = rng.uniform(0.15, 0.85, (3, 2)) * _CELL
    first = np.array([start[1] * _CELL, start[0] * _CELL]) + jitter[0]
    if rng.random() < 0.15:
        return first[None]
    weights = depth * component(small, *start)
    best, score = first[None], 0.0
    reach = rng.uniform(0.25, 1.0)
    inside = region.cpu().numpy()
    t = np.linspace(0.0, 1.0, 20)[:, None]
    for _ in range(10):
        ends = [
            np.array([c * _CELL, r * _CELL]) + jitter[i + 1]
            for i, (r, c) in enumerate((_pick(weights, rng), _pick(weights, rng)))
        ]
        end, bow = first + (ends[0] - first) * reach, first + (ends[1] - first) * reach
        curve = (
            (1 - t) ** 2 * first + 2 * t * (1 - t) * bow + t**2 * end
            if rng.random() < 0.65
            else first + t * (end - first)
        )
        columns = np.clip(curve[:, 0].astype(int), 0, inside.shape[1] - 1)
        rows = np.clip(curve[:, 1].astype(int), 0, inside.shape[0] - 1)
        hit = inside[rows, columns]
        run = int(np.argmin(hit)) if not hit.all() else len(hit)
        length = float(np.linalg.norm(np.diff(curve[: max(run, 1)], axis=0), axis=1).sum())
        if run >= 2 and length > score:
            keep = min(run + (2 if rng.random() < 0.08 else 0), len(curve))  # now and then a sloppy end
            best, score = curve[:keep], length
    if len(best) > 2:
        best = best + np.cumsum(rng.normal(0.0, 0.25, best.shape), axis=0)
    return _hurried(best, float(depth[start]) * _CELL, rng) if rng.random() < hurried else best


def _hurried(line: NDArray[np.float64], depth: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns a line (K, 2) as a hurried hand draws it in a region `depth` pixels deep."""
    line = line[: max(round(len(line) * rng.uniform(0.2, 0.8)), 1)]
    if len(line) > 1:
        way = line[-1] - line[0]
        across = np.array([-way[1], way[0]]) / max(float(np.hypot(*way)), 1e-6)
        phase = rng.uniform(0, 2 * np.pi)
        swing = np.sin(np.linspace(0, 2 * np.pi * rng.uniform(0.5, 2.5), len(line)) + phase) - np.sin(phase)
        line = line + depth * rng.uniform(0.1, 0.4) * swing[:, None] * across
    line = line + np.clip(rng.normal(0, 0.35, 2), -0.8, 0.8) * depth
    if rng.random() < 0.15:  # runs on beyond the border
        angle = rng.uniform(0, 2 * np.pi)
        end = line[-1] + np.array([np.cos(angle), np.sin(angle)]) * (depth * rng.uniform(1.2, 2.0))
        line = np.concatenate((line, end[None]))
    return np.asarray(line)


def draw(points: list[NDArray[np.float64]], radius: float, size_hw: tuple[int, int], device: torch.device) -> Tensor:
    """Returns a map (1, H, W), 1 within `radius` pixels of any stroke and 0 elsewhere."""
    height, width = size_hw
    out = torch.zeros((1, height, width), device=device)
    for stroke in points:
        x0, y0 = np.floor(stroke.min(axis=0) - radius - 1).astype(int)
        x1, y1 = np.ceil(stroke.max(axis=0) + radius + 2).astype(int)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if x1 <= x0 or y1 <= y0:
            continue
        a = torch.as_tensor(stroke, dtype=torch.float32, device=device)
        b = torch.cat((a[1:], a[-1:]))
        ys, xs = torch.meshgrid(
            torch.arange(y0, y1, device=device) + 0.5, torch.arange(x0, x1, device=device) + 0.5, indexing="ij"
        )
        p = torch.stack((xs, ys), dim=-1)[:, :, None]
        ab = b - a
        along = (((p - a) * ab).sum(-1) / ab.square().sum(-1).clamp(min=1e-6)).clamp(0.0, 1.0)
        distance = (p - a - along[..., None] * ab).square().sum(-1).amin(dim=2)
        area = out[0, y0:y1, x0:x1]
        torch.maximum(area, (distance <= radius * radius).float(), out=area)
    return out


def _blob(
    size_hw: tuple[int, int], centre: tuple[float, float], radii: NDArray[np.float64], device: torch.device
) -> Tensor:
    ys = torch.arange(size_hw[0], device=device)[:, None]
    xs = torch.arange(size_hw[1], device=device)[None, :]
    rx, ry = (max(float(r), 1.0) for r in radii)
    return ((xs - centre[0]) / rx).square() + ((ys - centre[1]) / ry).square() < 1.0


def _grow(mask: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(mask[None, None].float(), 2 * radius + 1, 1, radius)[0, 0] > 0.5


def spoil(mask: Tensor, rng: np.random.Generator) -> Tensor:
    """Returns a previous mask (H, W) float32 in [0, 1], wrong in one to three ways that earlier rounds might leave.

    Args:
        mask: (H, W) binary, the truth.
        rng: source of randomness.
    """
    height, width = mask.shape
    out = mask.clone()
    where = torch.nonzero(mask)
    side = float(max(mask.any(0).sum(), mask.any(1).sum())) if len(where) else 0.3 * width
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.choice(6, p=[0.2, 0.25, 0.25, 0.12, 0.1, 0.08])
        if kind == 0:
            radius = int(rng.integers(1, max(3, int(0.05 * side) + 2)))
            out = _grow(out, radius) if rng.random() < 0.5 else ~_grow(~out, radius)
        elif kind == 1 and len(where):  # a part missing
            y, x = where[int(rng.integers(len(where)))].tolist()
            out = out & ~_blob((height, width), (x, y), rng.uniform(0.08, 0.45, 2) * side, mask.device)
        elif kind == 2:  # too much
            y, x = where[int(rng.integers(len(where)))].tolist() if len(where) else (height / 2, width / 2)
            x, y = x + rng.normal(0, 0.4) * side, y + rng.normal(0, 0.4) * side
            out = out | _blob((height, width), (x, y), rng.uniform(0.06, 0.35, 2) * side, mask.device)
        elif kind == 3:  # coarse outline
            cell = int(rng.integers(6, 24))
            rough = F.adaptive_avg_pool2d(out[None, None].float(), (max(height // cell, 2), max(width // cell, 2)))
            out = F.interpolate(rough, size=(height, width), mode="bilinear", align_corners=False)[0, 0] > 0.5
        elif kind == 4:  # moved
            dx, dy = (int(v) for v in rng.normal(0, 0.06 * side + 1, 2))
            out = torch.roll(out, (dy, dx), (0, 1))
        else:  # ragged
            noise = torch.randn((1, 1, max(height // 16, 2), max(width // 16, 2)), device=mask.device)
            noise = F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)[0, 0]
            soft = F.avg_pool2d(out[None, None].float(), 17, 1, 8)[0, 0]
            out = soft + 0.35 * noise * ((soft > 0.02) & (soft < 0.98)) > 0.5
    result = out.float()
    return F.avg_pool2d(result[None, None], 5, 1, 2)[0, 0] if rng.random() < 0.5 else result


def correction(
    truth: Tensor, previous: Tensor, rng: np.random.Generator, radius: float, hurried: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Returns keep and remove maps (1, H, W) an artist would draw on seeing `previous` (H, W) against `truth` (H, W).

    One to three strokes, the first usually at the deepest wrong place; in the keep map where the object is missing,
    in the remove map where there is too much. If nothing is wrong, one stroke confirms the object.
    """
    device = truth.device
    size_hw = (truth.shape[0], truth.shape[1])
    t, p = truth > 0.5, previous > 0.5
    missing, extra = t & ~p, p & ~t
    strokes: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    for index in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))):
        small = [_small(m) if bool(m.any()) else None for m in (missing, extra)]
        depth = [
            float(depth_map(s).square().sum() if rng.random() < 0.5 else depth_map(s).max()) if s is not None else 0.0
            for s in small
        ]
        if max(depth) <= 1.0 and index == 0 and int((missing | extra).sum()) < 12:
            depth = [0.0, 0.0]
        if max(depth) > 0:
            which = int(np.argmax(depth)) if rng.random() < 0.75 else int(rng.random() > depth[0] / sum(depth))
            careful = index == 0 and rng.random() < 0.7
            stroke = stroke_in((missing, extra)[which], rng, careful, hurried)
        else:
            which = 0 if rng.random() < 0.6 and bool(t.any()) else 1
            stroke = stroke_in(t if which == 0 else ~t, rng, hurried=hurried)
        if stroke is not None:
            strokes[which].append(stroke)
    return draw(strokes[0], radius, size_hw, device), draw(strokes[1], radius, size_hw, device)


def first_strokes(
    truth: Tensor, rng: np.random.Generator, radius: float, hurried: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Returns keep and remove maps (1, H, W) of a first round: one to three strokes inside, sometimes one outside."""
    size_hw = (truth.shape[0], truth.shape[1])
    inside = truth > 0.5
    keep = [
        stroke_in(inside, rng, rng.random() < 0.3, hurried)
        for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15])))
    ]
    remove: list[NDArray[np.float64] | None] = []
    if rng.random() < 0.2:
        near = (
            _grow(inside, max(int(0.1 * max(size_hw)), 2)) & ~_grow(inside, 2)
            if rng.random() < 0.6
            else ~_grow(inside, 4)
        )
        remove = [stroke_in(near, rng, hurried=hurried)]
    device = truth.device
    return (
        draw([s for s in keep if s is not None], radius, size_hw, device),
        draw([s for s in remove if s is not None], radius, size_hw, device),
    )
