"""Gives sub-commands their reporting and their engine."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..core.engine import Engine

    EngineLoader = Callable[[str, str], Engine]

T = TypeVar("T")


class Reporter:
    """Writes text or JSON records to standard output, progress bars and errors to standard error.

    Args:
        as_json: write one JSON record per event instead of text.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def event(self, event: str, **fields: Any) -> None:
        """Writes one JSON record {"event": …, fields}, only if JSON is on."""
        if self.as_json:
            self._write(json.dumps({"event": event, **fields}, ensure_ascii=True))

    def say(self, text: str) -> None:
        """Writes text for a person, unless JSON is on."""
        if not self.as_json:
            self._write(text)

    def complain(self, text: str) -> None:
        """Writes one line to standard error."""
        sys.stderr.write(" ".join(text.split()) + "\n")

    def warn(self, texts: Iterable[str]) -> None:
        """Writes warnings to standard error, one per line."""
        for text in texts:
            self.complain(f"Warning: {text}")

    def progress(self, steps: Iterable[T], total: int, label: str, unit: str = "frame") -> Iterator[T]:
        """Yields `steps`, with a progress bar if standard error is a terminal; closes a generator at the end."""
        if not sys.stderr.isatty():
            yield from steps
            return
        from tqdm import tqdm

        with closing(tqdm(total=total, desc=label, unit=unit, file=sys.stderr, leave=False, dynamic_ncols=True)) as bar:
            for step in steps:
                yield step
                bar.update()

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stdout.write(text + "\n")
        except UnicodeEncodeError:  # a terminal or pipe with an old code page
            safe = text.encode(sys.stdout.encoding or "ascii", "backslashreplace")
            sys.stdout.write(safe.decode(sys.stdout.encoding or "ascii") + "\n")
        sys.stdout.flush()


def load_trained(tier: str, device: str) -> Engine:
    """Returns the engine with trained networks; see `compose.load_engine`."""
    from ..compose import load_engine

    engine = load_engine(tier, device)
    gc.freeze()  # these many objects live to the end: keep the garbage collector off them
    return engine


@dataclass(frozen=True, slots=True)
class Context:
    """What every sub-command receives.

    Attributes:
        report: output for the user.
        load: (tier, device) -> Engine.
    """

    report: Reporter
    load: EngineLoader = load_trained

    def within_memory(self, tier: str, device: str, work: Callable[[Engine], T]) -> T:
        """Returns the result of `work` with the tier's engine, or a faster tier's if memory runs out.

        Warns the user each time. Not for measurements, which must use the tier they name.

        Raises:
            OutOfMemory: there is not enough memory even for the fastest tier.
        """
        from ..compose import within_memory
        from ..core.tiers.ladder import faster

        name = tier

        def attempt() -> T:
            nonlocal name
            engine = self.load(name, device)
            name = engine.tier
            return work(engine)

        def step_down() -> bool:
            nonlocal name
            instead = faster(name)
            if instead is None:
                return False
            text = f"There is not enough memory for the tier {name}; using {instead.name}, which needs less."
            self.report.event("fallback", tier=name, instead=instead.name, text=text)
            self.report.complain(f"Warning: {text}")
            name = instead.name
            return True

        return within_memory(attempt, step_down)
