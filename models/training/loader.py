"""Batches in order: made on demand, or ahead by threads, so that an accelerator never waits for them.

Randomness is a function of seed and step alone. So it does not matter which thread makes a batch, or whether the run
was interrupted before it: step 1000 always sees the same pictures.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .samples.pool import Pool
from .task import Task, TrainingProgress

_BATCH, _LOSS, _TORCH = range(3)


def chance(seed: int, step: int, loss: bool = False, rank: int = 0) -> np.random.Generator:
    """Returns the generator for the batch, or the loss, of a step; of each process of a run for its loss."""
    return np.random.default_rng([seed, step, _LOSS if loss else _BATCH, *([rank] if rank else [])])


def seed_torch(seed: int, step: int) -> None:
    """Sets PyTorch's own generators to their state at a step."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, _TORCH]).generate_state(1)[0]))


class Maker(Protocol):
    """Makes a step's batch; is pickled for other processes."""

    def batch(self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device) -> Any:
        """Returns a batch."""


@dataclass(frozen=True, slots=True)
class _Steps(Dataset[Any]):
    """The batch of every step, for a process that only knows where the pictures are."""

    maker: Maker
    cache: Path
    group_weights: Sequence[float]
    seed: int
    progress: Callable[[int], TrainingProgress]
    opened: dict[str, Pool] = field(default_factory=dict, compare=False)

    def __getitem__(self, step: int) -> Any:
        pool = self.opened.setdefault("pool", Pool(self.cache).weighted(self.group_weights))
        return self.maker.batch(pool, chance(self.seed, step), self.progress(step), torch.device("cpu"))


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)


def batches_by_processes(
    maker: Maker,
    pool: Pool,
    seed: int,
    progress: Callable[[int], TrainingProgress],
    device: torch.device,
    first: int,
    processes: int,
) -> Iterator[Any]:
    """Returns an endless iterator over the batches of the steps from `first` on, made by other processes.

    Python's threads slow each other down when making clips, so feeding an accelerator takes processes.

    Args:
        maker: makes a batch.
        pool: the pictures; the processes open its cache again.
        seed: of all randomness.
        progress: returns the progress at a step; must be picklable.
        device: device that batches go to.
        first: first step to make.
        processes: number of processes, at least 1.
    """
    steps = _Steps(maker, pool.folder, pool.group_weights, seed, progress)
    ahead = DataLoader(
        steps,
        batch_size=None,
        sampler=range(first, 2**31),
        num_workers=processes,
        prefetch_factor=2,
        multiprocessing_context="spawn",
        worker_init_fn=_one_thread,
        collate_fn=_as_it_is,
    )
    for batch in ahead:
        yield _moved(batch, device)


def _as_it_is(batch: Any) -> Any:
    return batch


def _moved(batch: Any, device: torch.device) -> Any:
    values = {f.name: getattr(batch, f.name) for f in fields(batch)}
    pinned = device.type == "cuda"
    moved = {
        name: (value.pin_memory() if pinned else value).to(device, non_blocking=pinned)
        for name, value in values.items()
        if isinstance(value, Tensor)
    }
    return replace(batch, **moved)


class Batches:
    """Returns the batch of each step, in order from `first`.

    Args:
        task: makes them.
        pool: the pictures.
        seed: of all randomness.
        progress: returns the progress at a step.
        device: where batches are made.
        first: first step that is requested.
        threads: number of threads that make batches ahead; 0 makes them on demand.
        processes: number of processes that make them instead, see `batches_by_processes`.
        maker: makes batches in other processes.
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
        processes: int = 0,
        maker: Maker | None = None,
    ) -> None:
        self._elsewhere: Iterator[Any] | None = None
        if processes and maker is not None:
            threads = 0
            self._elsewhere = batches_by_processes(maker, pool, seed, progress, device, first, processes)
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
        self._elsewhere = None  # ends its processes

    def take(self) -> Any:
        """Returns the next step's batch."""
        if self._elsewhere is not None:
            return next(self._elsewhere)
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
        """On CUDA a thread works in a stream of its own, so that its waiting does not hold up the training step."""
        if self._device.type != "cuda":
            return self._made(step), None
        if not hasattr(self._streams, "stream"):
            self._streams.stream = torch.cuda.Stream(self._device)
        with torch.cuda.stream(self._streams.stream):
            return self._made(step), self._streams.stream.record_event()
