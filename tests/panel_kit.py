"""A layout for tests that draw panels without a window."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Paper:
    """A layout that records what is drawn."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.enabled = True

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def draw(*args: Any, **kwargs: Any) -> Any:
            self.notes.append(f"{name} {' '.join(map(str, args))} {kwargs.get('text', '')}".strip())
            return self if name in ("row", "column", "box", "split", "menu_pie") else SimpleNamespace()

        return draw
