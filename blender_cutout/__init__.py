"""Blender Cutout: cut objects out of clips in the Video Sequence Editor by drawing a few strokes.

`bpy` is imported only inside `register` and `unregister`, so that the command line, the worker and the tests can import
this package without Blender. In a checkout, `core` and `models` are next to this folder; in the extension, inside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .version import __version__

if not (Path(__file__).parent / "core").is_dir():
    __path__.append(str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    from .compose import load_engine
    from .core.types import Label, Stroke

__all__ = ["Label", "Stroke", "__version__", "load_engine", "register", "unregister"]


def __getattr__(name: str) -> Any:
    """Returns a name of the public API, imported on first use."""
    if name == "load_engine":
        from .compose import load_engine

        return load_engine
    if name in ("Label", "Stroke"):
        from .core import types

        return getattr(types, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register() -> None:
    """Registers the add-on with Blender."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Removes everything that `register` added."""
    from . import addon

    addon.unregister()
