"""One training step of the propagation network: draws clips, propagates the first mask, returns the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks import affinity
from ..networks.blocks import merged_norms
from ..networks.encoders import imagenet_weights
from ..networks.propagation_net import FrameKey, PropagationNet
from .losses import mask_loss, matte_loss, mean_overlap
from .recipe import PropagationRecipe
from .samples.clips import ClipBatch, ClipKind, clip_batch
from .samples.pool import Pool
from .team import Team

if TYPE_CHECKING:
    from .task import Parts, TrainingProgress


@dataclass(frozen=True, slots=True)
class ClipMaker:
    """Makes a step's clips; holds everything that another process needs to make them."""

    recipe: PropagationRecipe
    team: Team

    def batch(
        self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device
    ) -> ClipBatch:
        """Returns clips: more real video, larger crops and longer clips as training goes on."""
        recipe, done = self.recipe, progress.fraction
        shares = np.array(recipe.shares_begin) + done * (np.array(recipe.shares_end) - recipe.shares_begin)
        index = int(rng.choice(len(recipe.sizes), p=shares / shares.sum()))
        chance = rng.random()
        objects = 1 if chance >= recipe.two_objects else 3 if chance < recipe.three_objects else 2
        frames = recipe.frames
        if done > recipe.long_from and rng.random() < recipe.long_clips:
            frames = int(rng.choice(recipe.long_frames))
        share = _cost(recipe.frames, 1) / _cost(frames, objects)
        video = min(recipe.video_begin, recipe.video)
        kind = ClipKind(frames, recipe.sizes[index], objects, device)
        if self.team.size > 1:  # clips of the same kind in all processes, so that none waits; but different ones
            rng = np.random.default_rng([int(rng.integers(2**62)), self.team.rank])
        clips = max(round(recipe.clips[index] * share), 1)
        return clip_batch(pool, rng, clips, kind, video + done * (recipe.video - video), recipe)


class PropagationTask:
    """Trains on clips whose first mask is given; every further one is predicted, and remembered with all its faults."""

    def __init__(self, recipe: PropagationRecipe | None = None, imagenet: bool = True) -> None:
        self.recipe = recipe or PropagationRecipe()
        self.team = Team()
        self.network = PropagationNet(
            similarity="dot" if self.recipe.similarity == "dot" else "l2",
            top_k=self.recipe.top_k or None,
            auxiliary=self.recipe.auxiliary > 0,
            size="large" if self.recipe.network_size == "large" else "small",
        )
        self.architecture = "propagation" if self.network.size == "small" else "propagation large"
        if imagenet:
            state = imagenet_weights()
            self.network.key_encoder.load_imagenet(state)
            self.network.value_encoder.trunk.load_imagenet(state)
        for trunk in (self.network.key_encoder, self.network.value_encoder.trunk):
            trunk.freeze(self.recipe.frozen)

    def batch(
        self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device
    ) -> ClipBatch:
        """Returns clips, see `ClipMaker`."""
        return self.maker.batch(pool, rng, progress, device)

    @property
    def maker(self) -> ClipMaker:
        """Returns the maker of its clips, for other processes."""
        return ClipMaker(self.recipe, self.team)

    def loss(self, batch: ClipBatch, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        """Returns the mean loss of all frames but the first plus that of the auxiliary decoder."""
        kind = batch.images.device.type
        half = torch.is_autocast_enabled(kind)
        with merged_norms(self.network, torch.get_autocast_dtype(kind) if half else torch.float32):
            return self._loss(batch, rng, progress)

    def _loss(self, batch: ClipBatch, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        net, share = self.network, progress.hard_share
        b, length = batch.images.shape[:2]
        layout = torch.channels_last
        images = batch.images.flatten(0, 1).contiguous(memory_format=layout)
        every = net.encode_key(images)
        frames = [FrameKey(*(part.unflatten(0, (b, length))[:, t] for part in every)) for t in range(length)]
        keys: list[Tensor] = []
        values: list[Tensor] = []
        matte = batch.mattes[:, 0]
        total = torch.zeros(b, device=matte.device)
        auxiliary = torch.zeros(b, device=matte.device)
        parts: dict[str, Tensor] = {}
        for t in range(1, length):
            image = batch.images[:, t - 1].contiguous(memory_format=layout)
            value = net.encode_value(image, frames[t - 1], matte)
            keys.append(frames[t - 1].key.flatten(2))
            values.append(value.flatten(3))
            if net.auxiliary is not None:
                truth = batch.mattes[:, t - 1].flatten(0, 1)[:, None]
                again = net.auxiliary(value.flatten(0, 1))
                sure = batch.certain
                if sure is not None:
                    sure = F.avg_pool2d(sure[:, t - 1 : t], truth.shape[-1] // again.shape[-1])
                    sure = sure.repeat_interleave(batch.mattes.shape[2], dim=0)
                each = mask_loss(again, F.interpolate(truth, size=again.shape[-2:], mode="area"), share, sure)
                auxiliary = auxiliary + each.view(b, -1).mean(dim=1) / (length - 1)
            hint = self._hint(matte.detach(), batch.steps[:, t], batch.known[:, t], rng)
            logits = net.segment(frames[t], torch.cat(keys, dim=2), torch.cat(values, dim=3), hint)
            log_probability = affinity.aggregate_logits(logits)
            certain = None if batch.certain is None else batch.certain[:, t]
            each = matte_loss(log_probability, batch.mattes[:, t], share, certain)
            parts[f"frame{t}"] = each.detach().mean()
            total = total + each / (length - 1)
            matte = log_probability[:, 1:].exp()
        parts["auxiliary"] = auxiliary.detach().mean()
        parts["iou"] = mean_overlap(matte.detach(), batch.mattes[:, -1])
        return ((total + self.recipe.auxiliary * auxiliary) * batch.weight).mean(), parts

    def _hint(self, matte: Tensor, step: Tensor, known: Tensor, rng: np.random.Generator) -> Tensor | None:
        """Returns the last mattes (B, N, H, W) seen through this frame's crop; sometimes missing, sometimes off.

        The network would trust a hint that is always right too much.
        """
        if self.recipe.hint <= 0:
            return None
        off = torch.from_numpy(rng.random(len(step)) < 0.25).to(step)[:, None]
        shift = torch.from_numpy(rng.normal(0.0, 0.12, (len(step), 2))).to(step)
        zoom = torch.from_numpy(np.exp(rng.normal(0.0, 0.1, len(step)))).to(step)[:, None]
        linear = step[..., :2] * (1.0 + off * (zoom - 1.0))[..., None]
        step = torch.cat((linear, (step[..., 2] + off * shift)[..., None]), dim=2)
        grid = F.affine_grid(step, list(matte.shape), align_corners=False)
        hint = F.grid_sample(matte, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        shown = torch.from_numpy(rng.random(len(step)) < self.recipe.hint).to(hint) * known.to(hint)
        return hint * shown[:, None, None, None]


def _cost(frames: int, objects: int) -> float:
    """Returns a clip's cost, roughly: keys of all frames, then value and decoder of all but one for every object."""
    return frames + 1.2 * objects * (frames - 1)
