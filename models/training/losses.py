"""Loss functions of the networks, in float32: one value per sample, weighted by its accuracy group."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def bootstrapped(per_pixel: Tensor, share: float) -> Tensor:
    """Returns the mean over the hardest `share` of each sample's pixels (STCN), (B, H, W) -> (B,)."""
    flat = per_pixel.flatten(1)
    count = max(int(flat.shape[1] * share), 1)
    return flat.mean(dim=1) if count >= flat.shape[1] else flat.topk(count, dim=1, sorted=False).values.mean(dim=1)


def dice(probability: Tensor, truth: Tensor, certain: Tensor | None = None) -> Tensor:
    """Returns 1 - soft Dice overlap, averaged over objects, (B, N, H, W) twice -> (B,); `certain` (B, 1, H, W)."""
    if certain is not None:
        probability, truth = probability * certain, truth * certain
    both = (probability * truth).sum(dim=(2, 3))
    total = probability.sum(dim=(2, 3)) + truth.sum(dim=(2, 3))
    return (1.0 - (2.0 * both + 1.0) / (total + 1.0)).mean(dim=1)


def matte_loss(log_probability: Tensor, truth: Tensor, share: float, certain: Tensor | None = None) -> Tensor:
    """Returns the loss of aggregated objects, (B,).

    Args:
        log_probability: (B, N + 1, H, W), background first, from `affinity.aggregate_logits`.
        truth: (B, N, H, W) in [0, 1].
        share: share of the hardest pixels.
        certain: (B, H, W), weight of each pixel, 0 to 1; None = 1 everywhere.
    """
    background = (1.0 - truth.sum(dim=1, keepdim=True)).clamp(0.0, 1.0)
    cross_entropy = -(torch.cat((background, truth), dim=1) * log_probability).sum(dim=1)
    if certain is not None:
        cross_entropy, certain = cross_entropy * certain, certain[:, None]
    return bootstrapped(cross_entropy, share) + dice(log_probability[:, 1:].exp(), truth, certain)


def mask_loss(logits: Tensor, truth: Tensor, share: float, certain: Tensor | None = None) -> Tensor:
    """Returns the loss of one mask, logits and truth (B, 1, H, W) -> (B,); `certain` (B, 1, H, W) as `matte_loss`."""
    logits = logits.float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")[:, 0]
    if certain is not None:
        cross_entropy = cross_entropy * certain[:, 0]
    return bootstrapped(cross_entropy, share) + dice(torch.sigmoid(logits), truth, certain)


def mean_overlap(matte: Tensor, truth: Tensor) -> Tensor:
    """Returns the mean IoU at 0.5 of mattes (B, N, H, W) over objects present or found; 1 when there are none.

    Stays on the device, and never waits for it.
    """
    a, b = matte > 0.5, truth > 0.5
    both, union = (a & b).sum(dim=(2, 3)), (a | b).sum(dim=(2, 3))
    count = (union > 0).sum()
    mean = (both / union.clamp(min=1)).sum() / count.clamp(min=1)
    return torch.where(count > 0, mean, torch.ones_like(mean))


def overlap(matte: Tensor, truth: Tensor) -> float:
    """Returns `mean_overlap` as a number."""
    return float(mean_overlap(matte, truth))
