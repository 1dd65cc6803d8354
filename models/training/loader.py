"""Batches in order: made when asked for, or ahead by threads, so that an accelerator never waits for them.

Chance is a function of seed and step alone. So it does not matter which thread makes a batch, or whether the run was
interrupted before it: step 1000 always sees the same pictures.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .samples.pool import Pool
from .task import Task, TrainingProgress

_BATCH, _LOSS, _TORCH = range(3)


def chance(seed: int, step: int, loss: bool = False, rank: int = 0) -> np.random.Generator:
    """Returns the generator for the batch, or the loss, of a step; of each process of a run for its loss."""
    return np.random.default_rng([seed, step, _LOSS if loss else _BATCH, *([rank] if rank else [])])


def seed_torch(seed: int, step: int) -> None:
    """Sets PyTorch's own generators to the state that they have at a step."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, _TORCH]).generate_state(1)[0]))


class Batches:
    """Gives the batch of each step, in order from `first`.

    Args:
        task: makes them.
        pool: of pictures.
        seed: of all chance.
        progress: of a step.
        device: where batches are made.
        first: step that is asked for first.
        threads: that make batches ahead; 0 makes them when asked for.
    """

    def __init__(
        self,
        task: Task,
        pool: Pool,
        seed: int,
        progress: Callable[[int], TrainingProgress],
        device: torch.device,
        first: int,
        threads: int,
    ) -> None:
        self._task, self._pool, self._seed, self._progress, self._device = task, pool, seed, progress, device
        self._next = first
        self._threads = ThreadPoolExecutor(threads, "batches") if threads else None
        self._ahead = 2 * threads
        self._waiting: deque[Future[tuple[Any, Any]]] = deque()
        self._streams = threading.local()

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def take(self) -> Any:
        """Returns the next step's batch."""
        if self._threads is None:
            self._next += 1
            return self._made(self._next - 1)
        while len(self._waiting) <= self._ahead:
            self._waiting.append(self._threads.submit(self._made_aside, self._next))
            self._next += 1
        batch, ready = self._waiting.popleft().result()
        if ready is not None:
            now = torch.cuda.current_stream(self._device)
            now.wait_event(ready)
            for f in fields(batch):
                value = getattr(batch, f.name)
                if isinstance(value, Tensor):
                    value.record_stream(now)  # its memory must not be reused while this stream reads it
        return batch

    def _made(self, step: int) -> Any:
        return self._task.batch(self._pool, chance(self._seed, step), self._progress(step), self._device)

    def _made_aside(self, step: int) -> tuple[Any, Any]:
        """On CUDA a thread works in a stream of its own: what it waits for does not hold up the training step."""
        if self._device.type != "cuda":
            return self._made(step), None
        if not hasattr(self._streams, "stream"):
            self._streams.stream = torch.cuda.Stream(self._device)
        with torch.cuda.stream(self._streams.stream):
            return self._made(step), self._streams.stream.record_event()
