"""One training loop for all networks: AdamW, cosine by the clock, moving average of the weights, resumable.

The schedule follows wall-clock minutes (or steps), so that training ends on time; a resumed run continues from the
minutes already spent. On an accelerator nothing in a step waits for the device: numbers are read when they are logged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ModelError
from ..networks.encoders import has_imagenet_weights, imagenet_weights
from .checkpoint import CHECKPOINT, CheckpointError, architecture_of, fill, open_checkpoint, refusal, save_checkpoint
from .curve import can_draw, draw_curve
from .loader import Batches, chance, seed_torch
from .log import Log
from .recipe import TrainingSettings
from .samples.pool import Pool, open_pool
from .schedule import Averaged, ScheduleClock, parameter_groups, rate_factor
from .start import start_weights
from .task import Task
from .tasks import TASKS
from .team import Team, joined, leading

_LOG = logging.getLogger(__name__)


class TrainingRun:
    """A training run with everything that a checkpoint holds.

    Args:
        settings: the recipe.
        task: network, batches and loss.
        pool: the pictures.
        recipe: all of the network's switches, for the record.
        team: the processes that train together.
    """

    def __init__(
        self, settings: TrainingSettings, task: Task, pool: Pool, recipe: Mapping[str, Any], team: Team | None = None
    ) -> None:
        self.team = team or Team()
        self.settings, self.task, self.pool, self.recipe = settings, task, pool, recipe
        self.out = Path(settings.out)
        self.device = torch.device(settings.device)
        self.architecture = str(getattr(task, "architecture", settings.network))
        self.network: nn.Module = task.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(parameter_groups(self.network, settings), fused=True)
        self.log = Log(self.out, settings.log_every)
        self.step = 0
        self._draws = self.team.leads and can_draw()
        self.clock = ScheduleClock(settings, 0.0)
        self.average = Averaged(self.network, settings.average)
        self._core = -time.process_time() / 60.0 * self.team.size

    @property
    def core_minutes(self) -> float:
        """Returns the minutes of processor time spent on the run by all its processes, as far as this one knows."""
        return self._core + time.process_time() / 60.0 * self.team.size

    def start(self, weights: Path | None) -> None:
        """Begins a schedule, from a checkpoint's averaged weights or exported ones if given."""
        if weights is not None:
            tensors, held = start_weights(weights, self.settings.network, self.device)
            if held != self.architecture:
                imagenet_weights()  # for parts that these weights lack; the error says where to get them
            fill(self.network, tensors, weights, held, self.architecture)
        self.average = Averaged(self.network, self.settings.average)
        if self.team.leads:
            self.log.begin()

    def resume(self, path: Path) -> None:
        """Continues from a checkpoint of this run: weights, optimiser, average, minutes, log, and random state."""
        state = open_checkpoint(path, self.settings.network, self.device)
        held = architecture_of(state)
        try:
            fill(self.network, state["network"], path, held, self.architecture)
            self.optimiser.load_state_dict(state["optimiser"])
        except (ValueError, KeyError) as error:
            raise CheckpointError(f"{path} does not fit: {error}.", "Give the switches that the run had.") from error
        if held != self.architecture or state["average"].keys() != self.average.state.keys():
            raise refusal(path, held, self.architecture)
        self.average.state = state["average"]
        self.step = int(state["step"])
        self.clock = ScheduleClock(self.settings, float(state["spent"]))
        self._core += float(state.get("core", 0.0))
        if not self.team.leads:
            return
        self.log.go_on(self.step, state.get("unlogged", {}), int(state.get("skipped", 0)))
        changed = self.settings.changed_from(state["recipe"])
        if changed:
            _LOG.warning("Changed since the interruption: %s.", ", ".join(changed))

    def steps(self) -> None:
        """Trains until the schedule is over; writes the log, checkpoints, and the curve with each of them."""
        settings = self.settings
        self.network.train()
        threads = settings.loaders if settings.loaders >= 0 else 0 if self.device.type == "cpu" else 2
        saved = time.monotonic()
        processes, maker = settings.loader_processes, getattr(self.task, "maker", None)
        with Batches(
            self.task,
            self.pool,
            settings.seed,
            self.clock.progress,
            self.device,
            self.step,
            threads,
            processes,
            maker,
        ) as batches:
            while not self._is_over():
                seed_torch(settings.seed, self.step)
                self._train(batches.take())
                if (time.monotonic() - saved) / 60.0 >= settings.checkpoint_minutes:
                    self._try_to_save()
                    saved = time.monotonic()
        self.save()

    def _is_over(self) -> bool:
        if self.team.size > 1:
            self.clock.agree(self.team.agreed(self.clock.elapsed()))
        return self.clock.done(self.step) >= 1.0

    def _try_to_save(self) -> None:
        """Saves a checkpoint; on an error keeps the one before, as a full disk may have room later."""
        try:
            self.save()
        except CheckpointError as error:
            _LOG.warning("%s Training continues.", error)

    def _train(self, batch: Any) -> None:
        settings, step = self.settings, self.step
        progress = self.clock.progress(step)
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * rate_factor(progress.fraction, step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.half):
            loss, parts = self.task.loss(batch, chance(settings.seed, step, True, self.team.rank), progress)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.team.average(self.network.parameters())
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        skipped = (~torch.isfinite(norm)).float()
        # The fused optimiser changes nothing where this is 1: gradient scalers use it, and it avoids reading the
        # number, which would make an accelerator wait.
        self.optimiser.found_inf = skipped  # type: ignore[attr-defined]
        self.optimiser.step()
        self.step += 1
        if not self.team.leads:
            return
        self.average.update(self.network, step)
        values = {"loss": loss.detach(), "norm": norm, "skipped": skipped, **parts}
        self.log.add(self.step, self.clock.minutes, progress.fraction, values)

    def save(self) -> None:
        """Writes the checkpoint and draws the curve.

        Raises:
            CheckpointError: it cannot be written.
        """
        if not self.team.leads:
            return
        state: Mapping[str, Any] = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state,
            "step": self.step,
            "spent": self.clock.minutes,
            "core": self.core_minutes,
            "architecture": self.architecture,
            "recipe": {**self.settings.recipe(), "all_switches": dict(self.recipe)},
            "unlogged": self.log.kept(),
            "skipped": self.log.skipped,
        }
        save_checkpoint(self.out / CHECKPOINT, state)
        if self._draws:
            draw_curve(self.log.path, f"{self.architecture}, {self.step} steps, {self.clock.minutes:.0f} minutes")


def train(
    settings: TrainingSettings, resume: Path | None = None, weights: Path | None = None, pool: Pool | None = None
) -> Path:
    """Trains a network and returns the path of its last checkpoint.

    Args:
        settings: the recipe.
        resume: a checkpoint to continue from: weights, optimiser, average, minutes and random state.
        weights: a checkpoint to take only averaged weights from, or exported ones (a new schedule).
        pool: the pictures; opened from the settings if not given.

    Raises:
        FileNotFoundError: the data or the ImageNet weights are missing.
        CheckpointError: a checkpoint is missing or holds another network.
        RecipeError: an invalid switch.
        TeamBroken: one of several processes has ended.
    """
    Path(settings.out).mkdir(parents=True, exist_ok=True)
    rendered = Path(settings.rendered_data) if settings.rendered_data else None
    # Decoded once, before other processes open it.
    own = TASKS[settings.network].pool
    if pool is None and own is not None:
        pool = own(settings)
    pool = pool or open_pool(Path(settings.data), Path(settings.cache), rendered)
    with leading(settings.processes, _follow, settings, resume, weights, pool.folder) as team:
        return _train(settings, resume, weights, pool, team)


def _follow(
    settings: TrainingSettings,
    resume: Path | None,
    weights: Path | None,
    cache: Path,
    rank: int,
    size: int,
    meeting: str,
) -> None:
    """Runs a process led by another one; it logs nothing, the leader does."""
    with joined(rank, size, meeting) as team:
        try:
            _train(settings, resume, weights, Pool(cache), team)
        except (ModelError, KeyboardInterrupt):
            return


def _train(settings: TrainingSettings, resume: Path | None, weights: Path | None, pool: Pool, team: Team) -> Path:
    torch.set_num_threads(settings.threads)
    seed_torch(settings.seed, 0)
    kind = TASKS[settings.network]
    recipe = kind.recipe(**settings.switches)
    # Given weights replace all that ImageNet's are needed for, so that package may be missing.
    task: Task = kind.make(recipe, (resume is None and weights is None) or has_imagenet_weights())
    if team.size > 1:
        task.team = team  # type: ignore[attr-defined]
    run = TrainingRun(settings, task, pool.weighted(settings.group_weights), asdict(recipe), team)
    if resume is not None:
        run.resume(resume)
    else:
        run.start(weights)
    run.steps()
    return run.out / CHECKPOINT
