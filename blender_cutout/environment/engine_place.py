"""Finds what runs the engine: its own environment, or Blender's Python with the extension's libraries.

Standard library only. Blender unpacks the wheels that an extension brings into one folder, which it searches itself,
and which a child of its Python does not.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from ..core.errors import EnvironmentMissing
from .interpreters import blenders_python
from .venv import PYTHON_VARIABLE, worker_python

LIBRARIES = ("onnxruntime", "cv2", "av")
"""Modules of the extension's wheels without which the engine does not run; NumPy is Blender's own."""


class EnginePlace(NamedTuple):
    """The engine's Python, and the folder of libraries to add to its own; None = none."""

    python: Path
    libraries: Path | None = None


def find_engine(preference: str | None = None) -> EnginePlace:
    """Returns what runs the engine: what is set, else the environment made for it, else what the extension brought.

    Args:
        preference: the Python set in the preferences.

    Raises:
        EnvironmentMissing: there is none of them, or the Python that is set does not exist.
    """
    try:
        return EnginePlace(worker_python(preference))
    except EnvironmentMissing:
        is_set = (preference or os.environ.get(PYTHON_VARIABLE) or "").strip()
        libraries = None if is_set else extension_libraries()
        if libraries is None:
            raise
        return EnginePlace(blenders_python(), libraries)


def extension_libraries() -> Path | None:
    """Returns the folder where Blender unpacked the extension's wheels; None if it lacks one. Imports none of them."""
    folders = set()
    for name in LIBRARIES:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        if spec is None or spec.origin is None:
            return None
        folders.add(Path(spec.origin).parents[1])
    return folders.pop() if len(folders) == 1 else None
