"""One training step of each network: draw a batch, run it, give the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import affinity
from ..encoders import imagenet_weights
from ..propagation import FrameKey, PropagationNet
from .clips import FRAMES, ClipBatch, clip_batch
from .data import Pool
from .fusion import FusionTask
from .losses import mask_loss, matte_loss, overlap
from .scribble import ScribbleTask

Parts = dict[str, float]
AUXILIARY_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is, 0 to 1, and the share of hardest pixels at that point."""

    fraction: float

    @property
    def hard_share(self) -> float:
        """All pixels at first, the hardest quarter from a fifth of the way on (STCN)."""
        return 1.0 - 0.75 * min(self.fraction / 0.2, 1.0)


class Task(Protocol):
    """What the loop needs of a network to train it."""

    network: nn.Module

    def batch(self, pool: Pool, rng: np.random.Generator, progress: Progress, device: torch.device) -> object:
        """Returns a batch."""

    def loss(self, batch: object, rng: np.random.Generator, progress: Progress) -> tuple[Tensor, Parts]:
        """Returns the scalar loss and its parts for the log."""


class PropagationTask:
    """Three frames: the first mask is given, the second is predicted and remembered, the third reads both."""

    sizes: tuple[tuple[int, int], ...] = ((224, 4), (288, 2), (384, 1))

    def __init__(self, imagenet: bool = True) -> None:
        self.network = PropagationNet(auxiliary=True)
        if imagenet:
            state = imagenet_weights()
            self.network.key_encoder.load_imagenet(state)
            self.network.value_encoder.trunk.load_imagenet(state)

    def batch(self, pool: Pool, rng: np.random.Generator, progress: Progress, device: torch.device) -> ClipBatch:
        """Returns clips: ever more real video and larger crops as training goes on."""
        large = 0.1 + 0.4 * progress.fraction
        size, clips = self.sizes[int(rng.choice(3, p=[1 - large, large * 0.6, large * 0.4]))]
        objects = 2 if rng.random() < 0.2 else 1
        video = 0.2 + 0.3 * progress.fraction
        return clip_batch(
            pool, rng, max(clips // objects, 1) if clips < 4 else clips - objects + 1, size, video, device, objects
        )

    def loss(self, batch: ClipBatch, rng: np.random.Generator, progress: Progress) -> tuple[Tensor, Parts]:
        """Returns the mean loss of frames two and three plus that of the auxiliary decoder."""
        net, share = self.network, progress.hard_share
        b = batch.images.shape[0]
        layout = torch.channels_last
        every = net.encode_key(batch.images.flatten(0, 1).contiguous(memory_format=layout))
        frames = [FrameKey(*(part.unflatten(0, (b, FRAMES))[:, t] for part in every)) for t in range(FRAMES)]
        keys: list[Tensor] = []
        values: list[Tensor] = []
        matte = batch.mattes[:, 0]
        total = torch.zeros(b, device=matte.device)
        auxiliary = torch.zeros(b, device=matte.device)
        parts: Parts = {}
        for t in range(1, FRAMES):
            image = batch.images[:, t - 1].contiguous(memory_format=layout)
            value = net.encode_value(image, frames[t - 1], matte)
            keys.append(frames[t - 1].key.flatten(2))
            values.append(value.flatten(3))
            if net.auxiliary is not None:
                truth = batch.mattes[:, t - 1].flatten(0, 1)[:, None]
                again = net.auxiliary(value.flatten(0, 1))
                each = mask_loss(again, F.interpolate(truth, size=again.shape[-2:], mode="area"), share)
                auxiliary = auxiliary + each.view(b, -1).mean(dim=1) / (FRAMES - 1)
            hint = _hint(matte.detach(), batch.steps[:, t], rng)
            logits = net.segment(frames[t], torch.cat(keys, dim=2), torch.cat(values, dim=3), hint)
            log_probability = affinity.aggregate_logits(logits)
            each = matte_loss(log_probability, batch.mattes[:, t], share)
            parts[f"frame{t}"] = float(each.detach().mean())
            total = total + each / (FRAMES - 1)
            matte = log_probability[:, 1:].exp()
        parts["auxiliary"] = float(auxiliary.detach().mean())
        parts["iou"] = overlap(matte.detach(), batch.mattes[:, -1])
        return ((total + AUXILIARY_WEIGHT * auxiliary) * batch.weight).mean(), parts


def _hint(matte: Tensor, step: Tensor, rng: np.random.Generator) -> Tensor:
    """The mattes of the frame before (B, N, H, W) seen through this frame's crop; sometimes missing, sometimes off.

    A hint that is always right would be believed too much.
    """
    step = step.clone()
    for b in range(len(step)):
        if rng.random() < 0.25:
            step[b, :, 2] += torch.from_numpy(rng.normal(0.0, 0.12, 2)).to(step)
            step[b, :, :2] *= float(np.exp(rng.normal(0.0, 0.1)))
    grid = F.affine_grid(step, list(matte.shape), align_corners=False)
    hint = F.grid_sample(matte, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    shown = torch.from_numpy(rng.random(len(step)) >= 0.2).to(hint)
    return hint * shown[:, None, None, None]


TASKS: dict[str, Callable[[], Task]] = {
    "propagation": PropagationTask,  # type: ignore[dict-item]
    "scribble": ScribbleTask,  # type: ignore[dict-item]
    "fusion": FusionTask,  # type: ignore[dict-item]
}
