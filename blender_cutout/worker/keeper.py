"""Holds the process's engine: made when first needed, replaced by a faster tier's if there is not enough memory."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..core.errors import ProtocolError, is_out_of_memory
from ..core.messages import PROTOCOL, Event, Hello, Progress, Ready, Warn
from ..core.tiers.ladder import faster
from ..version import __version__

if TYPE_CHECKING:
    from ..core.engine import Engine

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class EngineKeeper:
    """The process's engine.

    Args:
        make_engine: (tier, device) -> Engine; may take long.
        send: sends an event to the host.
    """

    def __init__(self, make_engine: Callable[[str, str], Engine], send: Callable[[Event], None]) -> None:
        self._make_engine = make_engine
        self._send = send
        self._hello: Hello | None = None
        self._lowered = ""
        """Tier used instead of the one that the host wants, "" = none."""
        self._engine: Engine | None = None

    def greet(self, hello: Hello) -> bool:
        """Takes the host's settings; returns whether the engine changes, which invalidates everything made with it.

        Raises:
            ProtocolError: the host has another version.
        """
        if hello.protocol != PROTOCOL:
            raise ProtocolError(
                f"The add-on uses protocol {hello.protocol}, the engine {PROTOCOL}.",
                "Install the same version of the add-on and of its engine.",
            )
        before = self._hello
        changed = before is not None and (hello.tier, hello.device) != (self._lowered or before.tier, before.device)
        if changed:
            self._engine, self._lowered = None, ""
        self._hello = hello
        self._send(Ready(PROTOCOL, __version__, hello.device, hello.tier, os.getpid()))
        if self._engine is not None:
            self._tell(self._engine)
        return changed

    @property
    def greeted(self) -> bool:
        """True once the host has said what it wants."""
        return self._hello is not None

    def get(self, job: str = "") -> Engine:
        """Returns the engine, made when first needed; a second Ready then says what "auto" has become."""
        if self._engine is None:
            assert self._hello is not None
            if job:
                self._send(Progress(job, 0, 1, "loading the engine", -1.0))
            self._engine = self._make_engine(self._lowered or self._hello.tier, self._hello.device)
            self._tell(self._engine)
        return self._engine

    def within_memory(self, job: str, work: Callable[[], _Result], again: Callable[[], None] = lambda: None) -> _Result:
        """Returns the result of `work`; if memory runs out, repeats it with the next faster tier, and so on.

        Warns the host. The faster tier stays until the host wants another one. `again` is called before each repeat.
        """
        from ..compose import within_memory  # here, not above: answer the host before loading anything heavy

        def attempt() -> _Result:
            try:
                return work()
            except Exception as error:
                if is_out_of_memory(error):
                    _log.warning("job %s: out of memory with the tier %s", job, self._name(), exc_info=error)
                raise

        def step_down() -> bool:
            if not self._step_down(job):
                return False
            again()
            return True

        return within_memory(attempt, step_down)

    def _step_down(self, job: str) -> bool:
        """Switches to the next faster tier; returns False if there is none."""
        before = self._name()
        tier = faster(before)
        if tier is None:
            return False
        self._engine, self._lowered = None, tier.name
        self._send(
            Warn(
                job,
                f"There is not enough memory for the tier {before}; using {tier.name}, which needs less. "
                "To go back, close other programs and choose the tier again.",
            )
        )
        return True

    def _name(self) -> str:
        """Returns the tier in use."""
        if self._engine is not None:
            return self._engine.tier
        return self._lowered or (self._hello.tier if self._hello is not None else "")

    def _tell(self, engine: Engine) -> None:
        self._send(Ready(PROTOCOL, __version__, engine.device, engine.tier, os.getpid()))
