"""One training loop for all networks: AdamW, cosine by the clock, moving average of the weights, resumable.

The schedule follows wall-clock minutes (or steps), so that training ends when it must; a resumed run goes on from the
minutes already spent.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..encoders import Lite0
from .data import Pool, open_pool
from .recipe import parsed
from .tasks import TASKS, Progress, Task

CHECKPOINT = "last.pt"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that shapes a run; goes into the checkpoint as the recipe."""

    network: str
    data: str
    cache: str
    out: str
    minutes: float = 60.0
    steps: int = 0  # 0: no limit but the clock
    begin: float = 0.0  # where in the schedule to start: more than 0 with weights that are trained already
    head_rate: float = 6e-4
    backbone_rate: float = 1.5e-4
    weight_decay: float = 0.01
    average: float = 0.998
    clip_norm: float = 3.0
    seed: int = 1
    device: str = "cpu"
    half: bool = True  # bfloat16 autocast
    threads: int = 1
    checkpoint_minutes: float = 5.0
    log_every: int = 20
    switches: tuple[str, ...] = ()  # name=value, of the network's own recipe


class Averaged:
    """Exponential moving average of a network's state; what gets exported."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state: dict[str, Tensor] = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the average towards the network; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1.0 - decay)
            else:
                self.state[name].copy_(value)


def parameter_groups(network: nn.Module, settings: Settings) -> list[dict[str, Any]]:
    """Returns optimiser groups: pretrained trunks learn slower; norms and biases do not decay."""
    pretrained: set[int] = set()
    for module in network.modules():
        if isinstance(module, Lite0):
            extra = {id(p) for p in module.extra_stem.parameters()} if module.extra_stem is not None else set()
            pretrained |= {id(p) for p in module.parameters()} - extra
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for p in network.parameters():
        rate = settings.backbone_rate if id(p) in pretrained else settings.head_rate
        groups.setdefault((rate, settings.weight_decay if p.ndim > 1 else 0.0), []).append(p)
    return [{"params": ps, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]


def rate_factor(fraction: float, step: int) -> float:
    """Returns the share of the base learning rate: a hundred steps of warm-up, then a cosine down to 1 %."""
    return min((step + 1) / 100, 1.0) * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(fraction, 1.0))))


def train(
    settings: Settings, resume: Path | None = None, weights: Path | None = None, pool: Pool | None = None
) -> Path:
    """Trains a network and returns the path of its last checkpoint.

    Args:
        settings: the recipe.
        resume: a checkpoint to go on from: weights, optimiser, average, minutes and chance.
        weights: a checkpoint to take only averaged weights from (a new schedule).
        pool: the pictures; opened from the settings where not given.

    Raises:
        FileNotFoundError: data, start weights or the checkpoint are missing.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device(settings.device)
    pool = pool or open_pool(Path(settings.data), Path(settings.cache))
    kind = TASKS[settings.network]
    task: Task = kind.make(kind.recipe(**parsed([kind.recipe], settings.switches)))
    network = task.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if weights is not None:
        start = torch.load(weights, map_location=device, weights_only=True)["average"]
        network.load_state_dict({**network.state_dict(), **start})
    network.train()
    optimiser = torch.optim.AdamW(parameter_groups(network, settings), fused=True)
    average = Averaged(network, settings.average)
    step, spent = 0, 0.0
    if resume is not None:
        state = torch.load(resume, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average.state = state["average"]
        step, spent = int(state["step"]), float(state["spent"])
    rng = np.random.default_rng([settings.seed, step])
    _run(task, network, optimiser, average, pool, rng, settings, step, spent, device)
    return out / CHECKPOINT


def _run(
    task: Task,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Averaged,
    pool: Pool,
    rng: np.random.Generator,
    settings: Settings,
    step: int,
    spent: float,
    device: torch.device,
) -> None:
    out = Path(settings.out)
    begin = last_save = time.monotonic()
    sums: dict[str, list[float]] = {}
    skipped = 0
    while True:
        minutes = spent + (time.monotonic() - begin) / 60.0
        done = max(minutes / settings.minutes, step / settings.steps if settings.steps else 0.0)
        if done >= 1.0:
            break
        fraction = settings.begin + (1.0 - settings.begin) * done
        progress = Progress(fraction)
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * rate_factor(fraction, step)
        batch = task.batch(pool, rng, progress, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.half):
            loss, parts = task.loss(batch, rng, progress)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm))
        if math.isfinite(norm):
            optimiser.step()
            average.update(network, step)
        else:
            skipped += 1
        step += 1
        for name, value in {"loss": float(loss.detach()), "norm": norm, **parts}.items():
            sums.setdefault(name, []).append(value)
        if step % settings.log_every == 0:
            means = {k: round(sum(v) / len(v), 4) for k, v in sums.items()}
            record = {
                "step": step,
                "minutes": round(minutes, 2),
                "fraction": round(fraction, 4),
                "skipped": skipped,
                **means,
            }
            with open(out / "log.jsonl", "a") as log:
                log.write(json.dumps(record) + "\n")
            sums = {}
        if (time.monotonic() - last_save) / 60.0 >= settings.checkpoint_minutes:
            _save(out, network, optimiser, average, step, minutes, settings)
            last_save = time.monotonic()
    _save(out, network, optimiser, average, step, spent + (time.monotonic() - begin) / 60.0, settings)


def _save(
    out: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Averaged,
    step: int,
    spent: float,
    settings: Settings,
) -> None:
    recipe = {name: getattr(settings, name) for name in Settings.__slots__ if name not in ("data", "cache", "out")}
    part = out / (CHECKPOINT + ".part")
    torch.save(
        {
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.state,
            "step": step,
            "spent": spent,
            "recipe": recipe,
        },
        part,
    )
    os.replace(part, out / CHECKPOINT)
