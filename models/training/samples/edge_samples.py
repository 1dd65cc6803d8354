"""Makes patches with a known alpha, for the edge network: cutouts with a synthetic edge over other pictures.

The edge is hair, ragged foliage, thin wire, motion blur, defocus or sharp; the object's colours are spread outwards
first, so that no old background shines through. The picture is then compressed, and the matte is the rough one that a
network gives at a fraction of the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .pool import Pool, choose, pick_object

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

FRONT_SHARE = {
    "ecssd": 0.27, "ccp": 0.08, "coco_mval": 0.15, "oxford_pets600": 0.17, "davis": 0.08, "pascal_s": 0.08,
    "human290": 0.04, "bsds500": 0.05, "horses": 0.04, "mav_sav": 0.04,
}  # fmt: skip
BACK_SHARE = {
    "ecssd": 0.3, "coco_mval": 0.2, "bsds500": 0.15, "camvid701": 0.05, "msrc591": 0.1, "pascal_s": 0.1, "davis": 0.1,
}  # fmt: skip
KINDS = ("hair", "ragged", "wire", "motion", "defocus", "sharp")
KIND_SHARES = (0.36, 0.04, 0.02, 0.31, 0.21, 0.06)
BLURRED = ("motion", "defocus")
BUSY_SHARE = 0.5
"""Share of blurred objects before the busiest of `_BUSY_OF` backgrounds: its texture must not pass for hair."""

SINGLE_SHARE = 0.3
"""Share of hair that stands alone."""

_BUSY_OF = 3

_MARGIN = 24
"""Margin of pixels around a patch that blurs reach into."""


@dataclass(frozen=True, slots=True)
class EdgeBatch:
    """image (B, 3, H, W) in [0, 255]; matte, alpha and band (B, 1, H, W) in [0, 1]; band weighs the loss."""

    image: Tensor
    matte: Tensor
    alpha: Tensor
    band: Tensor


@dataclass(frozen=True, slots=True)
class Patch:
    """image (S, S, 3) uint8; matte, alpha (S, S) float32 in [0, 1]."""

    image: Bytes
    matte: Floats
    alpha: Floats


def edge_batch(pool: Pool, rng: np.random.Generator, count: int, size: int, device: torch.device) -> EdgeBatch:
    """Returns a batch of patches."""
    patches = [edge_patch(pool, rng, size) for _ in range(count)]
    image = torch.from_numpy(np.stack([p.image for p in patches])).permute(0, 3, 1, 2).float()
    matte, alpha = (torch.from_numpy(np.stack([getattr(p, n) for p in patches]))[:, None] for n in ("matte", "alpha"))
    band = torch.from_numpy(np.stack([_band(p) for p in patches]))[:, None]
    image = image.contiguous(memory_format=torch.channels_last)
    return EdgeBatch(*(part.to(device) for part in (image, matte, alpha, band)))


def _band(patch: Patch) -> Floats:
    """Returns 1 where alpha or matte is undecided, and around; less elsewhere."""
    unsure = (np.minimum(patch.alpha, 1 - patch.alpha) > 0.02) | (np.minimum(patch.matte, 1 - patch.matte) > 0.03)
    near = cv2.dilate(unsure.astype(np.uint8), np.ones((7, 7), np.uint8))
    return np.where(near > 0, 1.0, 0.1).astype(np.float32)


def edge_patch(pool: Pool, rng: np.random.Generator, size: int) -> Patch:
    """Returns one patch (size, size) around a place of an object's edge."""
    side = size + 2 * _MARGIN
    front, solid = _front(pool, rng, side)
    kind = KINDS[int(rng.choice(len(KINDS), p=KIND_SHARES))]
    back = _back(pool, rng, side, kind in BLURRED and rng.random() < BUSY_SHARE)
    inside = cv2.erode(np.uint8(solid > 0.5), np.ones((5, 5), np.uint8))
    colour = spread_colours(front, np.asarray(inside, np.float32))
    if rng.random() < 0.15:  # an object that looks like its background
        back = np.clip(back + (colour.mean((0, 1)) - back.mean((0, 1))) * rng.uniform(0.5, 1.0), 0, 255)
    alpha = np.asarray(solid, np.float32)
    if kind == "hair":
        alpha, colour = _hair(alpha, colour, rng)
    elif kind == "ragged":
        alpha = _ragged(alpha, rng)
    elif kind == "wire":
        alpha = _wires(alpha, rng)
    kernel = _kernel(kind, rng)
    lit = cv2.filter2D(colour * alpha[..., None], -1, kernel, borderType=cv2.BORDER_REPLICATE)
    alpha = np.clip(cv2.filter2D(alpha, -1, kernel, borderType=cv2.BORDER_REPLICATE), 0.0, 1.0)
    image = _recorded(np.asarray(lit + back * (1.0 - alpha[..., None]), np.float32), rng)
    alpha = np.where(alpha < 0.004, 0.0, np.where(alpha > 0.996, 1.0, alpha)).astype(np.float32)
    matte = rough_matte(alpha, rng)
    inner = np.s_[_MARGIN : _MARGIN + size, _MARGIN : _MARGIN + size]
    return Patch(
        np.ascontiguousarray(image[inner]), np.ascontiguousarray(matte[inner]), np.ascontiguousarray(alpha[inner])
    )


def spread_colours(image: Floats, known: Floats) -> Floats:
    """Returns the known colours of a picture (H, W, 3) spread over the rest; `known` (H, W) in [0, 1]."""
    totals, weights = [image * known[..., None]], [known]
    while min(weights[-1].shape) > 1:
        size = (max(weights[-1].shape[1] // 2, 1), max(weights[-1].shape[0] // 2, 1))
        for sums in (totals, weights):
            sums.append(np.asarray(cv2.resize(sums[-1], size, interpolation=cv2.INTER_AREA), np.float32))
    out = totals[-1] / np.maximum(weights[-1], 1e-6)[..., None]
    for total, weight in zip(totals[-2::-1], weights[-2::-1], strict=True):
        coarse = cv2.resize(out, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(total.shape)
        share = np.minimum(weight * 4.0, 1.0)[..., None]
        out = coarse + share * (total / np.maximum(weight, 1e-6)[..., None] - coarse)
    return np.asarray(out, np.float32)


def _window(pool_image: Bytes, x: float, y: float, scale: float, side: int, mirror: bool, flag: int) -> Floats:
    """Returns a square view (side, side, ...) around (x, y), each source pixel `scale` wide."""
    sign = -1.0 if mirror else 1.0
    matrix = np.array([[sign / scale, 0, x - sign * side / 2 / scale], [0, 1 / scale, y - side / 2 / scale]])
    flags = flag | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(pool_image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101), np.float32
    )


def _front(pool: Pool, rng: np.random.Generator, side: int) -> tuple[Floats, Floats]:
    """Returns a view (side, side, 3) of an object's edge, and the object there (side, side) in [0, 1]."""
    for _ in range(20):
        picture = choose(pool, FRONT_SHARE, rng)
        mask = pick_object(picture, rng)
        if mask is None:
            continue
        solid = np.uint8(mask)
        rim = np.argwhere(solid - cv2.erode(solid, np.ones((3, 3), np.uint8)))
        if len(rim) < 40:
            continue
        y, x = rim[int(rng.integers(len(rim)))] + rng.uniform(-24, 24, 2)
        scale, mirror = float(rng.uniform(0.7, 2.0)), bool(rng.random() < 0.5)
        view = _window(picture.image, x, y, scale, side, mirror, cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        shape = _window(solid * np.uint8(255), x, y, scale, side, mirror, cv2.INTER_LINEAR)
        smooth = cv2.GaussianBlur(shape / 255.0, (0, 0), float(rng.uniform(0.8, 2.5)))
        sharp = np.clip((smooth - 0.5) * float(rng.uniform(2.0, 6.0)) + 0.5, 0.0, 1.0)
        if 0.05 < float(sharp.mean()) < 0.95:
            return np.clip(view * rng.uniform(0.85, 1.15, 3), 0, 255).astype(np.float32), np.float32(sharp)
    raise FileNotFoundError("The training data shows no object with an edge.")


def _back(pool: Pool, rng: np.random.Generator, side: int, busy: bool = False) -> Floats:
    if busy:
        return max((_back_view(pool, rng, side, 0.0) for _ in range(_BUSY_OF)), key=_texture)
    return _back_view(pool, rng, side, 0.3)


def _texture(view: Floats) -> float:
    """Returns how busy a view is: the mean step between neighbours."""
    return float(np.abs(np.diff(view.mean(-1), axis=1)).mean())


def _back_view(pool: Pool, rng: np.random.Generator, side: int, blurred: float) -> Floats:
    picture = choose(pool, BACK_SHARE, rng)
    height, width = picture.mask.shape
    x, y, scale = rng.uniform(0, width), rng.uniform(0, height), float(rng.uniform(0.7, 2.0))
    view = _window(picture.image, x, y, scale, side, bool(rng.random() < 0.5), cv2.INTER_LINEAR)
    if rng.random() < blurred:
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), float(rng.uniform(0.7, 6.0))), np.float32)
    return np.clip(view * rng.uniform(0.8, 1.2) * rng.uniform(0.9, 1.1, 3), 0, 255).astype(np.float32)


def _field(rng: np.random.Generator, side: int, cells: int) -> Floats:
    """Returns smooth noise (side, side), approximately standard normal, with that many cells along a side."""
    noise = rng.normal(0.0, 1.0, (cells + 1, cells + 1)).astype(np.float32)
    return np.asarray(cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC))


def _hair(alpha: Floats, colour: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Returns alpha and colours with strands that grow out of the edge."""
    side = alpha.shape[0]
    fine = int(rng.choice((1, 2, 2, 3)))
    shape = cv2.GaussianBlur(alpha, (0, 0), 3.0)
    slope_x, slope_y = cv2.Sobel(shape, cv2.CV_32F, 1, 0), cv2.Sobel(shape, cv2.CV_32F, 0, 1)
    rim = np.argwhere((alpha > 0.4) & (cv2.erode(alpha, np.ones((3, 3), np.uint8)) < 0.6))
    if len(rim) == 0:
        return alpha, colour
    strands = np.zeros((side * fine, side * fine), np.uint8)
    tint = np.zeros((side * fine, side * fine), np.uint8)
    wind = _field(rng, side, int(rng.integers(1, 5))) * float(rng.uniform(0.2, 1.0))
    length, spread = float(rng.uniform(4, 26)), float(rng.uniform(0.1, 0.6))
    count = int(min(len(rim) * rng.uniform(0.15, 1.6), 900))
    strength, curl = float(rng.uniform(0.4, 1.0)), float(rng.uniform(0.02, 0.15))
    if rng.random() < SINGLE_SHARE:
        length, count, strength = float(rng.uniform(12, 34)), int(rng.integers(3, 40)), float(rng.uniform(0.7, 1.0))
    bald = _field(rng, side, 4) < float(rng.uniform(-2.5, 0.3))
    roots = rim[rng.integers(0, len(rim), count)]
    roots = roots[~bald[roots[:, 0], roots[:, 1]]]
    number, joints = len(roots), np.linspace(0.0, 1.0, 7)
    y, x = roots[:, :1], roots[:, 1:]
    angle = np.arctan2(-slope_y[y, x], -slope_x[y, x]) + wind[y, x] + rng.normal(0.0, spread, (number, 1))
    angle = angle + np.cumsum(rng.normal(0.0, curl, (number, 7)), axis=1) + rng.normal(0.0, 0.5, (number, 1)) * joints
    reach = length * rng.uniform(0.3, 1.2, (number, 1))
    along = np.concatenate((np.full((number, 1), -0.15), np.full((number, 6), 1.15 / 6)), axis=1) * reach
    points = np.stack((x + np.cumsum(along * np.cos(angle), 1), y + np.cumsum(along * np.sin(angle), 1)), axis=-1)
    points = np.int32(np.round((points + 0.5) * fine * 16 - 8))
    values = np.uint8(255 * np.minimum(strength * rng.uniform(0.6, 1.3, number), 1.0)).tolist()
    widths, tints = rng.integers(1, fine + 1, number).tolist(), rng.integers(1, 256, number).tolist()
    for line, value, width, shade_of in zip(points, values, widths, tints, strict=True):
        cv2.polylines(strands, [line], False, value, width, cv2.LINE_AA, 4)
        cv2.polylines(tint, [line], False, shade_of, width + 1, cv2.LINE_8, 4)
    size = (side, side)
    hair = cv2.resize(strands, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    shade = cv2.resize(tint, size, interpolation=cv2.INTER_NEAREST).astype(np.float32) / 255.0
    gain = np.where((shade > 0) & (alpha < 0.99), 1.0 + (shade - 0.5) * float(rng.uniform(0.0, 0.6)), 1.0)
    covered = np.asarray(1.0 - (1.0 - alpha) * (1.0 - hair), np.float32)
    return covered, np.clip(colour * gain[..., None], 0, 255).astype(np.float32)


def _ragged(alpha: Floats, rng: np.random.Generator) -> Floats:
    """Returns an object whose edge is broken up like leaves."""
    side = alpha.shape[0]
    reach = float(rng.uniform(3, 12))
    inside = cv2.distanceTransform(np.uint8(alpha > 0.5), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(np.uint8(alpha <= 0.5), cv2.DIST_L2, 3)
    noise = _field(rng, side, int(rng.integers(side // 14, side // 4))) + 0.5 * _field(rng, side, side // 3)
    return np.clip((inside - outside + noise * reach * 0.6) / float(rng.uniform(0.8, 2.0)) + 0.5, 0.0, 1.0)


def _wires(alpha: Floats, rng: np.random.Generator) -> Floats:
    """Returns the object with thin things sticking out of it."""
    side = alpha.shape[0]
    drawn = np.zeros((side * 4, side * 4), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        ends = rng.uniform(-0.2, 1.2, (2, 2)) * side * 4
        middle = ends.mean(0) + rng.normal(0.0, 30.0, 2)
        t = np.linspace(0, 1, 12)[:, None]
        curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * middle + t**2 * ends[1]
        cv2.polylines(drawn, np.int32(curve)[None], False, 255, int(rng.integers(3, 20)), cv2.LINE_AA)
    thin = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    return np.maximum(alpha, thin)


def _kernel(kind: str, rng: np.random.Generator) -> Floats:
    """Returns the blur kernel of lens and motion, with sum 1."""
    if kind == "motion":
        length = float(rng.uniform(4, 32))
        side = int(length) // 2 * 2 + 5
        canvas = np.zeros((side * 4, side * 4), np.uint8)
        half = np.array([np.cos(a := rng.uniform(0, np.pi)), np.sin(a)]) * length * 2
        middle = np.array([side * 2.0, side * 2.0])
        cv2.line(canvas, tuple(np.int32(middle - half).tolist()), tuple(np.int32(middle + half).tolist()), 255, 4)
        kernel = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    elif kind == "defocus":
        radius = float(rng.uniform(1.2, 7.0))
        ys, xs = np.mgrid[-8:9, -8:9]
        kernel = np.clip(radius + 0.5 - np.hypot(ys, xs), 0.0, 1.0).astype(np.float32)
        if rng.random() < 0.5:
            kernel = np.exp(-(ys**2 + xs**2) / (2 * (radius * 0.55) ** 2)).astype(np.float32)
    else:
        sigma = float(rng.uniform(0.15, 0.8))
        ys, xs = np.mgrid[-3:4, -3:4]
        kernel = np.exp(-(ys**2 + xs**2) / (2 * sigma**2)).astype(np.float32)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _recorded(image: Floats, rng: np.random.Generator) -> Bytes:
    """Returns the picture as a camera and a codec leave it."""
    noisy = image + rng.normal(0.0, float(rng.uniform(0.0, 3.5)), image.shape) if rng.random() < 0.5 else image
    out = np.clip(noisy + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.85:
        quality = int(rng.uniform(55, 99))
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return np.asarray(out, np.uint8)


def rough_matte(alpha: Floats, rng: np.random.Generator) -> Floats:
    """Returns the matte (H, W) in [0, 1] that a propagation at a fraction of the resolution would give."""
    side = alpha.shape[0]
    solid = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.5, 5.0))) > float(rng.uniform(0.3, 0.65))
    shape = np.asarray(solid, np.float32)
    strength = float(rng.uniform(0.0, 3.0))
    if strength > 0.3:
        ys, xs = np.mgrid[:side, :side].astype(np.float32)
        cells = int(rng.integers(3, 16))
        dx, dy = _field(rng, side, cells) * strength, _field(rng, side, cells) * strength
        moved = cv2.remap(shape, xs + dx, ys + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        shape = np.asarray(moved, np.float32)
    if rng.random() < 0.5:
        shift = rng.normal(0.0, 1.0, 2)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved = cv2.warpAffine(shape, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        shape = np.asarray(moved, np.float32)
    if rng.random() < 0.12:  # a half-transparent doubt somewhere
        doubt = np.clip(_field(rng, side, int(rng.integers(2, 6))) * 2.0 - 1.5, 0.0, 1.0) * float(rng.uniform(0.2, 0.7))
        shape = shape * (1 - doubt) + doubt * float(rng.uniform(0.2, 0.8))
    small = max(int(side / float(rng.uniform(1.0, 8.0))), 12)
    coarse = cv2.resize(shape, (small, small), interpolation=cv2.INTER_AREA)
    out = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.8:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.6, 6.0)))
    if rng.random() < 0.5:  # a network that is surer than that
        out = np.clip((out - 0.5) * float(rng.uniform(1.0, 2.5)) + 0.5 + float(rng.normal(0, 0.05)), 0.0, 1.0)
    return (np.round(np.clip(out, 0.0, 1.0) * 255.0) / 255.0).astype(np.float32)
