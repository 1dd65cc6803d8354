"""Simulates what cameras and codecs do to pictures but not to masks: motion blur and compression artefacts."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8
LONGEST_STREAK = 21
# The luminance and chrominance tables of the JPEG standard (ITU-T T.81, annex K.1) at quality 50.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA_FLOOR = 99
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def streak_kernel(dx: float, dy: float) -> Tensor:
    """Returns a (k, k) kernel that sums to one: a line of the length and direction (dx, dy) in pixels, k odd."""
    length = math.hypot(dx, dy)
    if length > LONGEST_STREAK - 2:
        dx, dy = (v * (LONGEST_STREAK - 2) / length for v in (dx, dy))
        length = LONGEST_STREAK - 2.0
    reach = max(math.ceil(max(abs(dx), abs(dy)) / 2), 1)
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3))  # one more place on every side for the bilinear spread
    for s in np.linspace(-0.5, 0.5, 2 * math.ceil(length) + 1):
        x, y = reach + 1 + s * dx, reach + 1 + s * dy
        ix, iy = int(x), int(y)
        fx, fy = x - ix, y - iy
        kernel[iy : iy + 2, ix : ix + 2] += np.outer((1 - fy, fy), (1 - fx, fx))
    return torch.from_numpy(kernel / kernel.sum()).float()


def motion_blur(image: Tensor, matte: Tensor | None, dx: float, dy: float) -> Tensor:
    """Returns image (3, H, W) blurred along (dx, dy) pixels: the object of `matte` (1, H, W), or the whole picture.

    Motion of less than two pixels leaves the picture unchanged.
    """
    if math.hypot(dx, dy) < 2.0:
        return image
    kernel = streak_kernel(dx, dy)
    blurred = _spread(image, kernel)
    if matte is None:
        return blurred
    return image + (blurred - image) * (2.0 * _spread(matte, kernel)).clamp(max=1.0)


def _spread(planes: Tensor, kernel: Tensor) -> Tensor:
    """Convolves with a kernel that is nearly all zeros, by adding planes moved to each nonzero place."""
    pad = kernel.shape[0] // 2
    height, width = planes.shape[-2:]
    padded = F.pad(planes[None], (pad, pad, pad, pad), mode="replicate")[0]
    out = torch.zeros_like(planes)
    for y, x in kernel.nonzero().tolist():
        out.add_(padded[:, y : y + height, x : x + width], alpha=float(kernel[y, x]))
    return out


def compress(images: Tensor, quality: float, offset_yx: tuple[int, int] = (0, 0)) -> Tensor:
    """Returns images (T, 3, H, W) in [0, 255] as decoded by a codec of 8x8 cosine transforms.

    Differs from JPEG: all three planes at full size and one value for the whole chrominance table.

    Args:
        images: H and W multiples of 8.
        quality: 1 to 100, with the scale of the usual JPEG library.
        offset_yx: where the blocks begin, 0 to 7: a crop need not begin at a block.
    """
    t, _, height, width = images.shape
    oy, ox = offset_yx
    to_ycc = torch.tensor(_TO_YCC, device=images.device)
    ycc = torch.einsum("dc,tchw->tdhw", to_ycc, images - torch.tensor(128.0))
    ycc = F.pad(ycc, (ox, BLOCK - ox, oy, BLOCK - oy), mode="replicate")
    rows, columns = ycc.shape[2] // BLOCK, ycc.shape[3] // BLOCK
    blocks = ycc.view(t, 3, rows, BLOCK, columns, BLOCK).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3, BLOCK * BLOCK)
    scale = (5000.0 / quality if quality < 50 else 200.0 - 2.0 * quality) / 100.0
    luma = torch.tensor(_LUMA, dtype=torch.float32, device=images.device).flatten()
    tables = torch.stack((luma, *[luma.clamp(min=17).where(luma < 30, _CHROMA_FLOOR)] * 2))
    tables = (tables * scale).clamp(min=1.0)
    transform = _cosine_transform(images.device)
    coded = ((blocks @ transform.T) / tables).round() * tables
    back = (coded @ transform).view(t, rows, columns, 3, BLOCK, BLOCK).permute(0, 3, 1, 4, 2, 5)
    back = back.reshape(ycc.shape)[:, :, oy : oy + height, ox : ox + width]
    return (torch.einsum("cd,tdhw->tchw", torch.linalg.inv(to_ycc), back) + 128.0).clamp(0.0, 255.0)


def _cosine_transform(device: torch.device) -> Tensor:
    """Returns the orthonormal two-dimensional cosine transform of a flattened block, (64, 64)."""
    k = torch.arange(BLOCK, dtype=torch.float64)
    one = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / (2 * BLOCK)) * math.sqrt(2.0 / BLOCK)
    one[0] /= math.sqrt(2.0)
    return torch.kron(one, one).float().to(device)
