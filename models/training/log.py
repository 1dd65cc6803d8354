"""The log of a run: means over some steps, one JSON record per line. Values stay on their device until then."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .whole_files import write_text

LOG = "log.jsonl"

_LOG = logging.getLogger(__name__)


class Log:
    """Means of the values of each step.

    Args:
        folder: of the run.
        every: steps per record.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.path = folder / LOG
        self._every = every
        self._values: dict[str, list[float | Tensor]] = {}
        self.skipped = 0

    def begin(self) -> None:
        """Moves the log of another run, if there is one, out of the way."""
        if self.path.exists():
            os.replace(self.path, self.path.with_suffix(".before.jsonl"))

    def go_on(self, step: int, kept: Mapping[str, list[float]], skipped: int) -> None:
        """Continues from a checkpoint: drops newer records, and restores values that were not logged yet."""
        self._values = {name: list(values) for name, values in kept.items()}
        self.skipped = skipped
        if self.path.exists():
            write_text(self.path, "".join(json.dumps(r) + "\n" for r in read_log(self.path) if int(r["step"]) <= step))

    def add(self, step: int, minutes: float, fraction: float, values: Mapping[str, float | Tensor]) -> None:
        """Adds the values of a step, the `step`-th; writes a record when one is due."""
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)
        if step % self._every:
            return
        kept = self.kept()
        self.skipped += int(sum(kept.pop("skipped", [])))
        finite = {name: [v for v in values if math.isfinite(v)] for name, values in kept.items()}
        means = {name: round(sum(v) / len(v), 4) for name, v in finite.items() if v}
        head = {"step": step, "minutes": round(minutes, 2), "fraction": round(fraction, 4), "skipped": self.skipped}
        self._values = {}
        try:
            with open(self.path, "a") as log:
                log.write(json.dumps({**head, **means}) + "\n")
        except OSError as error:  # a run must not end for its log: the disk may have room again before the checkpoint
            _LOG.warning("The log cannot be written (%s). Training continues.", error)

    def kept(self) -> dict[str, list[float]]:
        """Returns the values not logged yet, for a checkpoint. Waits for the device."""
        return {name: _numbers(values) for name, values in self._values.items()}


def _numbers(values: list[float | Tensor]) -> list[float]:
    """Returns all values at once: one wait for the device, not one for each value."""
    tensors = [v.float() for v in values if isinstance(v, Tensor)]
    if len(tensors) == len(values):
        return [float(v) for v in torch.stack(tensors).tolist()]
    return [float(v) for v in values]


def read_log(path: Path) -> list[dict[str, float]]:
    """Returns the records of a log; skips a line torn by the end of a run."""
    out = []
    for line in path.read_text().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and "step" in record:
            out.append(record)
    return out
