"""Samples for the scribble network: a crop at any zoom, the mask before the round, the round's strokes, the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from . import framing
from .pool import Pool, choose, object_box, pick_object
from .strokes import _small, component, correction, first_strokes, spoil

SHARE = {
    "ecssd": 0.14, "pascal_s": 0.12, "ccp": 0.07, "coco_mval": 0.16, "bsds500": 0.12, "horses": 0.04, "human290": 0.02,
    "davis": 0.08, "mav_sav": 0.1, "movers": 0.03, "msrc591": 0.03, "bms26": 0.02, "scbt": 0.02,
    "pumavos_examples": 0.02, "davis2017_train_demo": 0.01, "opn_ytvos_demo": 0.01, "segtrack": 0.01,
    "powerlines_thin": 0.01,
}  # fmt: skip
"""Sets of objects that strokes are drawn on; without the pets, whose outlines are a band of unknown pixels."""
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
"""Sources of foregrounds when the shape is that of a film: frames, whose object is often small."""
WHOLE_SHARE = {
    "ecssd": 0.32, "pascal_s": 0.24, "davis": 0.16, "coco_mval": 0.1, "human290": 0.07, "horses": 0.06, "ccp": 0.05,
    "pseudo": 0.1,
}  # fmt: skip
"""Like FOREGROUND_SHARE, with frames of films too."""
WHOLE_SIZES = ((240, 432), (240, 432), (192, 352), (208, 320), (272, 368), (368, 272), (256, 256), (320, 320))
"""Shapes at which the engine looks at whole pictures and films, at about 320 and 256 pixels squared."""
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


def _one_part(truth: Tensor, rng: np.random.Generator) -> Tensor:
    """Sometimes keeps only one of several separate things in a mask (1, H, W)."""
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
    pool: Pool,
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    kind: str,
    device: torch.device,
    pasted: float = 0.0,
    hurried: float = 0.0,
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
    if kind == "whole" and rng.random() < pasted:
        image, truth = framing.pasted(pool, picture, mask, box, size_hw, rng, device)
        return (image, blank, blank, blank, truth, picture.weight) if float(truth.mean()) > 0.002 else None
    if kind == "whole":
        most = 0.25 if picture.entry.set == "davis" else 0.12
        image, truth = framing.shown(
            picture, mask, framing.whole(picture, size_hw, rng, most), size_hw, rng, device, wild=False
        )
        return (image, blank, blank, blank, truth, picture.weight) if float(truth.mean()) > 0.003 else None
    if kind == "again":
        view = framing.around(box, float(np.exp(rng.normal(0.34, 0.15))), size_hw, rng)
        image, truth = framing.shown(picture, mask, view, size_hw, rng, device, wild=False, inside=True)
        return image, spoil(truth[0] > 0.5, rng)[None], blank, blank, truth, picture.weight
    if kind == "foreground":
        image, truth = framing.shown(
            picture, mask, framing.whole(picture, size_hw, rng), size_hw, rng, device, wild=False
        )
        return image, blank, blank, blank, truth, picture.weight
    if kind == "first":
        whole = rng.random() < 0.35 and mask.mean() > 0.01
        view = (
            framing.whole(picture, size_hw, rng)
            if whole
            else framing.around(box, float(np.exp(rng.uniform(0.0, 1.2))), size_hw, rng)
        )
        image, truth = framing.shown(
            picture, mask, view, size_hw, rng, device, inside=not whole and rng.random() < 0.85
        )
        truth = _one_part(truth, rng)
        if float(truth.mean()) < 0.003:
            return None
        keep, remove = first_strokes(truth[0], rng, radius, hurried)
        return image, blank, keep, remove, truth, picture.weight
    if kind == "closer":
        view = framing.around(box, float(np.exp(rng.normal(0.34, 0.15))), size_hw, rng)
        image, truth = framing.shown(picture, mask, view, size_hw, rng, device, inside=True)
        truth = _one_part(truth, rng)
        keep, remove = first_strokes(truth[0], rng, radius, hurried)
        return image, spoil(truth[0] > 0.5, rng)[None], keep, remove, truth, picture.weight
    # a correction: whole, loose or local crop
    r = rng.random()
    if r < 0.25:
        view = framing.whole(picture, size_hw, rng)
    elif r < 0.6:
        view = framing.around(box, float(np.exp(rng.uniform(0.1, 1.2))), size_hw, rng)
    else:  # local: around a place on the object's rim
        x0, y0, x1, y1 = box
        rim = np.argwhere(mask[:-1] != mask[1:])
        y, x = rim[int(rng.integers(len(rim)))] if len(rim) else ((y0 + y1) / 2, (x0 + x1) / 2)
        side = max(max(x1 - x0, y1 - y0) * float(np.exp(rng.uniform(-1.6, 0.0))), 36.0)
        view = framing.around((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 1.0, size_hw, rng)
    image, truth = framing.shown(picture, mask, view, size_hw, rng, device, inside=r >= 0.25 and rng.random() < 0.85)
    truth = _one_part(truth, rng)
    share = float(truth.mean())
    if share < 0.003 or share > 0.97:
        return None
    previous = spoil(truth[0] > 0.5, rng)
    keep, remove = correction(truth[0], previous, rng, radius, hurried)
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
    pasted: float = 0.0,
    hurried: float = 0.0,
) -> RoundBatch:
    """Returns `count` samples of the given kinds.

    "first", "closer" (the first round's close-up) and "later" rounds have strokes, a share of them `hurried`. Without
    any: "foreground" and "whole" (nothing given; "whole" has films too), "again" (a closer second look at what was
    found).
    """
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor, float]] = []
    while len(rows) < count:
        row = _sample(pool, rng, size_hw, kinds[int(rng.choice(len(kinds), p=share))], device, pasted, hurried)
        if row is not None:
            rows.append(row)
    image, previous, keep, remove, truth = (torch.stack([row[i] for row in rows]) for i in range(5))  # type: ignore[misc]
    weight = torch.tensor([row[5] for row in rows], device=device)
    return RoundBatch(image, previous, keep, remove, truth.clamp(0, 1), weight)


def next_round(batch: RoundBatch, answer: Tensor, rng: np.random.Generator, hurried: float = 0.0) -> RoundBatch:
    """Returns the batch one round later: `answer` (B, 1, H, W) is the previous mask, strokes correct its errors.

    Samples that had no strokes (foreground) get a correction too: the artist fixes the proposal.
    """
    keeps, removes = [], []
    for truth, given in zip(batch.truth, answer, strict=True):
        keep, remove = correction(truth[0], given[0], rng, float(rng.uniform(2.0, 6.0)), hurried)
        keeps.append(keep)
        removes.append(remove)
    return replace(batch, previous=answer, keep=torch.stack(keeps), remove=torch.stack(removes))


__all__ = ["SIZES", "WHOLE_SIZES", "RoundBatch", "next_round", "round_batch"]
