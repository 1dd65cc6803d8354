"""The schedule of a run: its progress, learning rates, and the moving average of the weights."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, nn

from ..networks.encoders import Lite0
from .recipe import TrainingSettings
from .task import TrainingProgress


class ScheduleClock:
    """Minutes and steps of a run; a resumed one continues from the time already spent."""

    def __init__(self, settings: TrainingSettings, spent: float) -> None:
        self._settings = settings
        self._spent = spent
        self._begin = time.monotonic()
        self._agreed: float | None = None

    @property
    def minutes(self) -> float:
        """Minutes spent on the run, before an interruption and since."""
        return self.elapsed() if self._agreed is None else self._agreed

    def elapsed(self) -> float:
        """Returns the minutes by this process's own clock."""
        return self._spent + (time.monotonic() - self._begin) / 60.0

    def agree(self, minutes: float) -> None:
        """Fixes the time until the next call, so that all processes of a run use the same one."""
        self._agreed = minutes

    def done(self, step: int) -> float:
        """Returns the share of the schedule done before `step`, by the clock or the steps, whichever is further."""
        settings = self._settings
        return max(self.minutes / settings.minutes, step / settings.steps if settings.steps else 0.0)

    def progress(self, step: int) -> TrainingProgress:
        """Returns the progress at a step. With a number of steps and enough time it depends on the step alone."""
        begin = self._settings.begin
        return TrainingProgress(begin + (1.0 - begin) * min(self.done(step), 1.0), self._settings.hardest)


def rate_factor(fraction: float, step: int) -> float:
    """Returns the factor of the base learning rate: a hundred steps of warm-up, then a cosine down to 1 %."""
    return min((step + 1) / 100, 1.0) * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(fraction, 1.0))))


class Averaged:
    """Exponential moving average of a network's state, which is what gets exported."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state: dict[str, Tensor] = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the average towards the network; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = network.state_dict()
        moving = [name for name, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[n] for n in moving], [now[n] for n in moving], 1.0 - decay)
        for name in now.keys() - set(moving):
            self.state[name].copy_(now[name])


def parameter_groups(network: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Returns optimiser groups: pretrained trunks learn slower; norms and biases do not decay."""
    pretrained: set[int] = set()
    for module in network.modules():
        if isinstance(module, Lite0):
            extra = {id(p) for p in module.extra_stem.parameters()} if module.extra_stem is not None else set()
            pretrained |= {id(p) for p in module.parameters()} - extra
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for p in (p for p in network.parameters() if p.requires_grad):
        rate = settings.backbone_rate if id(p) in pretrained else settings.head_rate
        groups.setdefault((rate, settings.weight_decay if p.ndim > 1 else 0.0), []).append(p)
    return [{"params": ps, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]
