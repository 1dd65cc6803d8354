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
from .processor_check import require_avx2
from .venv import PYTHON_VARIABLE, engine_folder, lacking, other_version, worker_python

_WHEELS = Path(__file__).parents[1] / "wheels"
"""Where an extension that brings its engine keeps what Blender unpacks."""
LIBRARIES = ("onnxruntime", "cv2", "av")
"""Modules of the extension's wheels without which the engine does not run; NumPy is Blender's own."""


class EnginePlace(NamedTuple):
    """The engine's Python, and the folder of libraries to add to its own; None = none.

    `note` says in one sentence which engine was chosen and why, where the artist may expect another; "" = nothing.
    """

    python: Path
    libraries: Path | None = None
    note: str = ""


def find_engine(preference: str | None = None) -> EnginePlace:
    """Returns what runs the engine: what is set, else the environment made for it, else what the extension brought.

    An environment that another version of the add-on made serves if it has every library that is needed now.

    Args:
        preference: the Python set in the preferences.

    Raises:
        EnvironmentMissing: there is none of them, the Python that is set does not exist, Blender did not unpack all
            libraries, the processor cannot run them, or the environment lacks one.
    """
    if (preference or os.environ.get(PYTHON_VARIABLE) or "").strip():
        return EnginePlace(worker_python(preference))
    require_avx2()
    try:
        python = worker_python()
    except EnvironmentMissing:
        libraries = extension_libraries()
        if libraries is None and any(_WHEELS.glob("*.whl")):
            absent = ", ".join(name for name in LIBRARIES if not _is_there(name)) or "one of them"
            raise EnvironmentMissing(
                f"The libraries that came with the add-on are not complete ({absent} is missing).",
                "Uninstall the add-on, restart Blender, and install the zip for this system again.",
            ) from None
        if libraries is None:
            raise
        return EnginePlace(blenders_python(), libraries)
    return _fitting(python)


def _fitting(python: Path) -> EnginePlace:
    """Returns the environment of that Python, or what the extension brought if another version's lacks a library."""
    folder = engine_folder()
    absent, version = ", ".join(lacking(folder)), other_version(folder)
    if not absent:
        note = f"The GPU engine was set up by version {version} of the add-on; it works with this one too."
        return EnginePlace(python, None, note if version else "")
    libraries = extension_libraries()
    if libraries is None:
        raise EnvironmentMissing(
            f"The engine was set up by another version of the add-on and lacks {absent}.",
            "Press Set Up Engine, here or in the add-on's preferences: it installs what is missing.",
        )
    note = (
        f"The GPU engine was set up by another version of the add-on and lacks {absent}. Until you press Set Up GPU "
        "Engine, the engine that came with the add-on is used."
    )
    return EnginePlace(blenders_python(), libraries, note)


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


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
