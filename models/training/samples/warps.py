"""Renders views of pictures: crop, turn, scale and bend in one resampling; colour changes. Runs on the given device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class WarpView:
    """Map from output places (x, y in [-1, 1]) to source pixels: `matrix` (2, 3), then a smooth `bend` (2, g, g)."""

    matrix: NDArray[np.float64]
    bend: NDArray[np.float64] | None = field(default=None)


def crop_matrix(cx: float, cy: float, half_w: float, half_h: float) -> NDArray[np.float64]:
    """Returns the (3, 3) matrix from output places in [-1, 1] to a box of source pixels."""
    return np.array([[half_w, 0, cx], [0, half_h, cy], [0, 0, 1.0]])


def inside_box(box: tuple[float, float, float, float], size_hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """Returns the box (x0, y0, x1, y1) moved inside a picture (H, W), and cut only where it is too large."""
    out = []
    for low, high, size in ((box[0], box[2], size_hw[1]), (box[1], box[3], size_hw[0])):
        length = min(high - low, float(size))
        low = min(max(low, 0.0), size - length)
        out.append((low, low + length))
    return out[0][0], out[1][0], out[0][1], out[1][1]


def motion_matrix(
    cx: float, cy: float, turn: float, scale: float, shear: float, dx: float, dy: float
) -> NDArray[np.float64]:
    """Returns the (3, 3) matrix that turns (radians), scales and shears about (cx, cy), then shifts by (dx, dy)."""
    c, s = math.cos(turn) * scale, math.sin(turn) * scale
    linear = np.array([[c, -s], [s, c]]) @ np.array([[1.0, shear], [0.0, 1.0]])
    out = np.eye(3)
    out[:2, :2] = linear
    out[:2, 2] = np.array([cx + dx, cy + dy]) - linear @ np.array([cx, cy])
    return out


def random_bend(rng: np.random.Generator, amplitude_px: float, grid: int = 4) -> NDArray[np.float64]:
    """Returns a displacement (2, grid, grid) in source pixels; interpolated bicubically it acts like a thin plate."""
    return rng.normal(0.0, amplitude_px, (2, grid, grid))


def render(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None,
    view: WarpView,
    size_hw: tuple[int, int],
    border: bool,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Returns the picture (3, H, W) float32 in [0, 255] and its masks (1 or C, H, W) in [0, 1] as seen by the view.

    Args:
        image: (h, w, 3) source.
        mask: (h, w), or several (C, h, w), or None for all ones.
        view: where to look.
        size_hw: output size.
        border: outside the source repeat its edge (True) or show black.
        device: where to compute.
    """
    height, width = size_hw
    ys = (torch.arange(height, device=device) + 0.5) * (2.0 / height) - 1.0
    xs = (torch.arange(width, device=device) + 0.5) * (2.0 / width) - 1.0
    m = view.matrix
    gx = xs[None, :] * m[0, 0] + ys[:, None] * m[0, 1] + m[0, 2]
    gy = xs[None, :] * m[1, 0] + ys[:, None] * m[1, 1] + m[1, 2]
    if view.bend is not None:
        knots = torch.from_numpy(view.bend).to(device=device, dtype=torch.float32)
        bend = _bicubic(height, knots.shape[1], device) @ knots @ _bicubic(width, knots.shape[2], device).T
        gx, gy = gx + bend[0], gy + bend[1]
    h, w = image.shape[:2]
    x0, x1 = _span(m[0], None if view.bend is None else view.bend[0], w)
    y0, y1 = _span(m[1], None if view.bend is None else view.bend[1], h)
    part = _uploaded(image[y0:y1, x0:x1], device).permute(2, 0, 1).float()
    alpha = (
        torch.ones((1, y1 - y0, x1 - x0), device=device)
        if mask is None
        else _uploaded(mask.reshape(-1, h, w)[:, y0:y1, x0:x1], device).float()
    )
    step = max(2.0 * math.hypot(m[0, 0], m[1, 0]) / width, 2.0 * math.hypot(m[0, 1], m[1, 1]) / height)
    shrink = max(int(step + 0.35), 1) if min(part.shape[-2:]) > 2 * step else 1
    if shrink > 1:  # bilinear sampling alone would alias
        part = F.avg_pool2d(part[None], shrink, ceil_mode=True)[0]
        alpha = F.avg_pool2d(alpha[None], shrink, ceil_mode=True)[0]
    ph, pw = part.shape[-2:]
    grid = torch.stack(((gx - x0) / (shrink * pw) * 2.0 - 1.0, (gy - y0) / (shrink * ph) * 2.0 - 1.0), dim=-1)[None]
    out = F.grid_sample(part[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0]
    cover = F.grid_sample(alpha[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    if not border:
        inside = ((gx >= 0) & (gx <= w) & (gy >= 0) & (gy <= h)).float()[None]
        out = out * inside
    return out, cover


def _bicubic(length: int, knots: int, device: torch.device) -> Tensor:
    """Returns the weight of each knot at each of `length` places (length, knots): bicubic interpolation is linear."""
    one = torch.eye(knots, device=device)[None, :, :, None]
    return F.interpolate(one, size=(length, 1), mode="bicubic", align_corners=True)[0, :, :, 0].T.contiguous()


def _span(row: NDArray[np.float64], bend: NDArray[np.float64] | None, size: int) -> tuple[int, int]:
    """Returns the extent of a view along an axis from its matrix alone, to avoid waiting for the sampled places."""
    reach = abs(row[0]) + abs(row[1])
    low, high = row[2] - reach, row[2] + reach
    if bend is not None:  # bicubic interpolation overshoots its knots by less than this
        low, high = low + 1.4 * min(bend.min(), 0.0), high + 1.4 * max(bend.max(), 0.0)
    first = int(min(max(math.floor(low) - 3, 0), size - 2))
    return first, int(min(max(math.ceil(high) + 3, first + 2), size))


def _uploaded(array: NDArray[np.uint8] | NDArray[np.bool_], device: torch.device) -> Tensor:
    """Returns the array as a tensor on the device; to CUDA from pinned memory, so that nothing waits for the copy."""
    tensor = torch.from_numpy(array.copy())  # the pool is read-only
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@dataclass(frozen=True, slots=True)
class Colour:
    """A change of colour: gains (3,), brightness, contrast, saturation, gamma."""

    gains: tuple[float, float, float]
    brightness: float
    contrast: float
    saturation: float
    gamma: float

    def __call__(self, image: Tensor) -> Tensor:
        """Returns image (3, H, W) in [0, 255] with the change applied."""
        return recoloured(image, (self,))


def recoloured(image: Tensor, colours: Sequence[Colour]) -> Tensor:
    """Returns image (3, H, W) in [0, 255] with several changes at the cost of one: all gammas come first."""
    x = (image / 255.0).clamp_(0.0, 1.0)
    gamma = math.prod(colour.gamma for colour in colours)
    if gamma != 1.0:
        x = x.pow_(gamma)
    matrix, offset = torch.eye(3, device=x.device), torch.zeros(3, device=x.device)
    mean = x.mean(dim=(1, 2))
    for colour in colours:  # gains, saturation, contrast and brightness are one matrix and one offset
        one = colour.saturation * torch.eye(3) + (1.0 - colour.saturation) / 3.0
        one = (one * torch.tensor(colour.gains)).to(x.device)
        middle = (one @ mean).mean()
        shift = middle * (1.0 - colour.contrast) + colour.brightness
        one = one * colour.contrast
        matrix, offset, mean = one @ matrix, one @ offset + shift, one @ mean + shift
    out = torch.addmm(offset[:, None] * 255.0, matrix * 255.0, x.flatten(1))
    return out.clamp_(0.0, 255.0).view_as(image)


def random_colour(rng: np.random.Generator, strength: float = 1.0) -> Colour:
    """Returns a random colour change; strength 1 for a whole clip, about 0.2 between its frames."""
    g = 1.0 + rng.uniform(-0.08, 0.08, 3) * strength
    saturation = 0.0 if strength >= 1.0 and rng.random() < 0.05 else float(1.0 + rng.uniform(-0.35, 0.35) * strength)
    return Colour(
        (float(g[0]), float(g[1]), float(g[2])),
        float(rng.uniform(-0.1, 0.1) * strength),
        float(1.0 + rng.uniform(-0.25, 0.25) * strength),
        saturation,
        float(math.exp(rng.uniform(-0.25, 0.25) * strength)),
    )


def soften(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Returns image (3, H, W) as a poorer camera would record it: sometimes blurred, sometimes noisy."""
    r = rng.random()
    if r < 0.1:
        image = F.avg_pool2d(F.pad(image[None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0]
    elif r < 0.15:  # motion blur along one axis
        k = int(rng.integers(2, 5)) * 2 + 1
        pad = (k // 2, k // 2, 0, 0) if rng.random() < 0.5 else (0, 0, k // 2, k // 2)
        kernel = (1, k) if pad[0] else (k, 1)
        image = F.avg_pool2d(F.pad(image[None], pad, mode="replicate"), kernel, 1)[0]
    elif r < 0.25:
        own = torch.Generator(image.device).manual_seed(int(rng.integers(2**31)))  # threads share PyTorch's
        noise = torch.randn(image.shape, generator=own, device=image.device)
        image = (image + noise * float(rng.uniform(2.0, 9.0))).clamp(0.0, 255.0)
    return image
