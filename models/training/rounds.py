"""Samples for the scribble network: a crop at any zoom, the mask before the round, the round's strokes, the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .data import Picture, Pool, choose, object_box, pick_object
from .strokes import _small, component, correction, first_strokes, spoil
from .warps import View, crop_matrix, inside_box, motion_matrix, random_colour, render, soften

SHARE = {
    "ecssd": 0.2,
    "pascal_s": 0.16,
    "ccp": 0.1,
    "coco_mval": 0.2,
    "bsds500": 0.13,
    "horses": 0.07,
    "human290": 0.05,
    "davis": 0.09,
}
FOREGROUND_SHARE = {"ecssd": 0.4, "pascal_s": 0.3, "horses": 0.1, "human290": 0.06, "coco_mval": 0.1, "ccp": 0.04}
FILM_SHARE = {
    "davis": 0.55,
    "ecssd": 0.18,
    "pascal_s": 0.14,
    "horses": 0.04,
    "human290": 0.04,
    "coco_mval": 0.05,
    "pseudo": 0.1,
}
"""Where foreground comes from when the shape is that of a film: frames, whose object is often small."""
WHOLE_SHARE = {
    "ecssd": 0.32, "pascal_s": 0.24, "davis": 0.16, "coco_mval": 0.1, "human290": 0.07, "horses": 0.06, "ccp": 0.05,
    "pseudo": 0.1,
}  # fmt: skip
"""As FOREGROUND_SHARE, with frames of films too."""
WHOLE_SIZES = ((240, 432), (240, 432), (192, 352), (208, 320), (272, 368), (368, 272), (256, 256), (320, 320))
"""Shapes in which the engine looks at whole pictures and films, at about 320 and 256 pixels squared."""
SIZES = ((256, 256), (256, 256), (320, 320), (256, 320), (320, 256), (256, 192), (192, 256))


@dataclass(frozen=True, slots=True)
class RoundBatch:
    """image (B, 3, H, W) in [0, 255]; previous, keep, remove, truth (B, 1, H, W) in [0, 1]; weight (B,)."""

    image: Tensor
    previous: Tensor
    keep: Tensor
    remove: Tensor
    truth: Tensor
    weight: Tensor


def _shown(
    picture: Picture,
    mask: np.ndarray,
    box: tuple[float, float, float, float],
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    device: torch.device,
    wild: bool = True,
    inside: bool = False,
) -> tuple[Tensor, Tensor]:
    x0, y0, x1, y1 = inside_box(box, mask.shape[:2]) if inside else box
    matrix = crop_matrix((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([-1.0, 1.0, 1.0])
    if wild and rng.random() < 0.3:
        matrix = matrix @ motion_matrix(0, 0, float(rng.normal(0, 0.15)), 1.0, float(rng.normal(0, 0.06)), 0, 0)
    image, truth = render(picture.image, mask, View(matrix[:2]), size_hw, bool(rng.random() < 0.5), device)
    return soften(random_colour(rng, 0.8)(image), rng), truth


def _whole(
    picture: Picture, size_hw: tuple[int, int], rng: np.random.Generator, most: float = 0.12
) -> tuple[float, float, float, float]:
    """The whole picture, stretched to the network's shape or padded to it, or less by up to `most` on each side."""
    h, w = picture.mask.shape
    x0, y0, x1, y1 = 0.0, 0.0, float(w), float(h)
    if rng.random() < 0.5:
        cut = rng.uniform(0.0, most, 4) * np.array([w, h, w, h])
        x0, y0, x1, y1 = float(cut[0]), float(cut[1]), float(w - cut[2]), float(h - cut[3])
    if rng.random() < 0.5:  # pad to shape
        aspect = size_hw[1] / size_hw[0]
        bw, bh = max(x1 - x0, (y1 - y0) * aspect), max(y1 - y0, (x1 - x0) / aspect)
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        return cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2
    return x0, y0, x1, y1


def _around(
    box: tuple[float, float, float, float], grow: float, size_hw: tuple[int, int], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """A box about `grow` times as long as the given one, of the network's shape up to some stretch, off centre."""
    x0, y0, x1, y1 = box
    side = max(x1 - x0, (y1 - y0) * size_hw[1] / size_hw[0], 40.0) * grow
    half_w = side / 2 * float(np.exp(rng.normal(0, 0.1)))
    half_h = side / 2 * size_hw[0] / size_hw[1] * float(np.exp(rng.normal(0, 0.1)))
    cx = (x0 + x1) / 2 + float(rng.normal(0, 0.08)) * side
    cy = (y0 + y1) / 2 + float(rng.normal(0, 0.08)) * side
    return cx - half_w, cy - half_h, cx + half_w, cy + half_h


def _one_part(truth: Tensor, rng: np.random.Generator) -> Tensor:
    """Of several separate things in a mask (1, H, W), sometimes only one is wanted."""
    small = _small(truth[0] > 0.5)
    if not bool(small.any()) or rng.random() < 0.5:
        return truth
    flat = torch.nonzero(small)
    row, column = flat[int(rng.integers(len(flat)))].tolist()
    part = component(small, row, column)
    if float(part.sum()) < 0.1 * float(small.sum()) or float(part.sum()) > 0.95 * float(small.sum()):
        return truth
    near = torch.nn.functional.interpolate(part[None, None].float(), size=truth.shape[-2:], mode="nearest")[0]
    return truth * torch.nn.functional.max_pool2d(near[None], 9, 1, 4)[0]


def _sample(
    pool: Pool, rng: np.random.Generator, size_hw: tuple[int, int], kind: str, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, float] | None:
    alone = kind in ("foreground", "whole", "again")  # nothing is drawn
    picture = choose(pool, _share(kind, size_hw) if alone else SHARE, rng)
    mask = pick_object(picture, rng)
    box = object_box(mask) if mask is not None else None
    if mask is None or box is None:
        return None
    height, width = size_hw
    blank = torch.zeros((1, height, width), device=device)
    radius = float(rng.uniform(2.0, 6.0))
    if alone and picture.entry.set == "coco_mval" and mask.mean() < 0.15:
        return None
    if kind == "whole":
        most = 0.25 if picture.entry.set == "davis" else 0.12
        image, truth = _shown(picture, mask, _whole(picture, size_hw, rng, most), size_hw, rng, device, wild=False)
        return (image, blank, blank, blank, truth, picture.weight) if float(truth.mean()) > 0.003 else None
    if kind == "again":
        view = _around(box, float(np.exp(rng.normal(0.34, 0.15))), size_hw, rng)
        image, truth = _shown(picture, mask, view, size_hw, rng, device, wild=False, inside=True)
        return image, spoil(truth[0] > 0.5, rng)[None], blank, blank, truth, picture.weight
    if kind == "foreground":
        image, truth = _shown(picture, mask, _whole(picture, size_hw, rng), size_hw, rng, device, wild=False)
        return image, blank, blank, blank, truth, picture.weight
    if kind == "first":
        whole = rng.random() < 0.35 and mask.mean() > 0.01
        view = (
            _whole(picture, size_hw, rng) if whole else _around(box, float(np.exp(rng.uniform(0.0, 1.2))), size_hw, rng)
        )
        image, truth = _shown(picture, mask, view, size_hw, rng, device, inside=not whole and rng.random() < 0.85)
        truth = _one_part(truth, rng)
        if float(truth.mean()) < 0.003:
            return None
        keep, remove = first_strokes(truth[0], rng, radius)
        return image, blank, keep, remove, truth, picture.weight
    # a correction: whole, loose or local crop
    r = rng.random()
    if r < 0.25:
        view = _whole(picture, size_hw, rng)
    elif r < 0.6:
        view = _around(box, float(np.exp(rng.uniform(0.1, 1.2))), size_hw, rng)
    else:  # local: around a place on the object's rim
        x0, y0, x1, y1 = box
        rim = np.argwhere(mask[:-1] != mask[1:])
        y, x = rim[int(rng.integers(len(rim)))] if len(rim) else ((y0 + y1) / 2, (x0 + x1) / 2)
        side = max(max(x1 - x0, y1 - y0) * float(np.exp(rng.uniform(-1.6, 0.0))), 36.0)
        view = _around((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 1.0, size_hw, rng)
    image, truth = _shown(picture, mask, view, size_hw, rng, device, inside=r >= 0.25 and rng.random() < 0.85)
    truth = _one_part(truth, rng)
    share = float(truth.mean())
    if share < 0.003 or share > 0.97:
        return None
    previous = spoil(truth[0] > 0.5, rng)
    keep, remove = correction(truth[0], previous, rng, radius)
    return image, previous[None], keep, remove, truth, picture.weight


def _share(kind: str, size_hw: tuple[int, int]) -> dict[str, float]:
    if kind == "foreground":
        return FOREGROUND_SHARE
    return FILM_SHARE if size_hw[1] > 1.5 * size_hw[0] else WHOLE_SHARE


def round_batch(
    pool: Pool,
    rng: np.random.Generator,
    count: int,
    size_hw: tuple[int, int],
    device: torch.device,
    kinds: tuple[str, ...] = ("foreground", "first", "later"),
    share: tuple[float, ...] = (0.2, 0.35, 0.45),
) -> RoundBatch:
    """Returns `count` samples of the given kinds.

    "first" and "later" rounds have strokes. Without any: "foreground" and "whole" (nothing given; "whole" has films
    too), "again" (a second look from nearer at what was found).
    """
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor, float]] = []
    while len(rows) < count:
        row = _sample(pool, rng, size_hw, kinds[int(rng.choice(len(kinds), p=share))], device)
        if row is not None:
            rows.append(row)
    image, previous, keep, remove, truth = (torch.stack([row[i] for row in rows]) for i in range(5))  # type: ignore[misc]
    weight = torch.tensor([row[5] for row in rows], device=device)
    return RoundBatch(image, previous, keep, remove, truth.clamp(0, 1), weight)


def next_round(batch: RoundBatch, answer: Tensor, rng: np.random.Generator) -> RoundBatch:
    """Returns the batch one round later: `answer` (B, 1, H, W) is the previous mask, strokes correct its errors.

    Samples that had no strokes (foreground) get a correction too: the artist fixes the proposal.
    """
    keeps, removes = [], []
    for truth, given in zip(batch.truth, answer, strict=True):
        keep, remove = correction(truth[0], given[0], rng, float(rng.uniform(2.0, 6.0)))
        keeps.append(keep)
        removes.append(remove)
    return replace(batch, previous=answer, keep=torch.stack(keeps), remove=torch.stack(removes))


__all__ = ["SIZES", "WHOLE_SIZES", "RoundBatch", "next_round", "round_batch"]
