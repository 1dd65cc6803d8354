"""Several processes that train one network: each makes its own clips, and gradients are averaged.

On a processor two processes of one thread do more than one of two, because no part of a step is left to a single core.
All start from the same weights and take the same steps, so only gradients have to be exchanged.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from ..errors import ModelError

_PATIENCE = timedelta(minutes=10)


class TeamBroken(ModelError):
    """Raised when another process of the run ended early."""


@dataclass(frozen=True, slots=True)
class Team:
    """One process's place among those of a run: number 0 leads and writes the log and the checkpoints."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def agreed(self, value: float) -> float:
        """Returns the leader's value in every process.

        Raises:
            TeamBroken: another process has ended.
        """
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        _together(lambda: dist.broadcast(shared, src=0))
        return float(shared)

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces each gradient by its mean over all processes.

        Raises:
            TeamBroken: another process has ended.
        """
        if self.size == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]  # the same ones everywhere, by the recipe
        flat = torch.cat([grad.reshape(-1) for grad in grads])
        _together(lambda: dist.all_reduce(flat))
        flat /= self.size
        at = 0
        for grad in grads:
            grad.copy_(flat[at : at + grad.numel()].view_as(grad))
            at += grad.numel()


def _together(act: Callable[[], Any]) -> None:
    try:
        act()
    except RuntimeError as error:  # gloo's way to report a lost connection
        raise TeamBroken(
            "Another process of this run has ended, so this one cannot continue.", "Start it again with --resume."
        ) from error


@contextmanager
def joined(rank: int, size: int, meeting: str) -> Iterator[Team]:
    """Joins this process with `size` in all that meet at a file (a path given to each); leaves them at the end."""
    dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=size, timeout=_PATIENCE)
    try:
        yield Team(rank, size)
    finally:
        dist.destroy_process_group()


@contextmanager
def leading(size: int, follow: Callable[..., None], *words: Any) -> Iterator[Team]:
    """Starts the other processes of a run and leads them; with a size of 1 there are none.

    Args:
        size: of the team.
        follow: what they run, called with `words`, a rank, the size and the meeting path; can be pickled.
        words: its first arguments.
    """
    if size == 1:
        yield Team()
        return
    started: list[BaseProcess] = []
    with tempfile.TemporaryDirectory(prefix="cutout-train-") as folder:
        meeting = str(Path(folder) / "meeting")
        ways = multiprocessing.get_context("spawn")
        try:
            for rank in range(1, size):
                process: BaseProcess = ways.Process(target=follow, args=(*words, rank, size, meeting), daemon=True)
                process.start()
                started.append(process)
            with joined(0, size, meeting) as team:
                yield team
        finally:
            for process in started:
                process.join(10)
                if process.is_alive():
                    process.terminate()
                    process.join(10)
