"""Starts the engine's process; run as a script: `python -I entry.py [--log FILE] [--libraries FOLDER]`.

It keeps the two pipes to the host for itself, sends everything that libraries print to the log (standard error, or
FILE), and registers the package by name without any search path. So no neighbour in Blender's or the extension's
folders can get in the way, and it works in a checkout as in the extension's folder, whatever that is called.

With `--cutout WORDS` at the end it runs that command line instead.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import runpy
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

PACKAGE = "blender_cutout"
COMMAND = "--cutout"
"""What follows is a command line."""

_MALLOC_OPTIONS = {-8: 1, -3: 4 << 20, -1: 32 << 20}
"""M_ARENA_MAX, M_MMAP_THRESHOLD (less than a 1080p picture) and M_TRIM_THRESHOLD of glibc's malloc.h."""


def save_pipes(log: str | None = None) -> tuple[int, int]:
    """Returns descriptors of the host's messages and of ours, which nothing else can then use by accident.

    Afterwards standard input is empty; standard output and error go to the file `log`, or without one both to where
    standard error went.
    """
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if log is not None:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(target, 2)
        os.close(target)
    os.dup2(2, 1)
    return incoming, outgoing


def use_libraries(folder: str | None) -> None:
    """Lets this process import from a folder what its Python does not have itself."""
    if folder is not None:
        sys.path.append(folder)


def return_freed_memory() -> None:
    """Makes Linux's C library give freed pictures back to the system at once.

    By itself it soon keeps even large ones, in a heap for each thread, and their gaps fit no other picture.
    """
    if sys.platform != "linux":
        return
    with suppress(ImportError, AttributeError):  # musl has no such options
        import ctypes

        set_option = ctypes.CDLL(None).mallopt
        for option, value in _MALLOC_OPTIONS.items():
            set_option(option, value)


def register_package() -> None:
    """Makes the package around this file importable as `blender_cutout`, whatever its folder is called."""
    root = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def load_engine(tier: str, device: str) -> Any:
    """Returns the engine with its networks; imports the library that runs them only now."""
    from blender_cutout.compose import load_engine as load

    engine = load(tier, device)
    gc.freeze()  # these many objects live to the end: keep the garbage collector off them
    return engine


def run(make_engine: Callable[[str, str], Any], arguments: list[str]) -> int:
    """Serves the host until it says goodbye or is gone; returns the exit code."""
    return_freed_memory()
    incoming, outgoing = save_pipes(_value(arguments, "--log"))
    use_libraries(_value(arguments, "--libraries"))
    register_package()
    # Exit by an exception when the system asks, so that folders are unlocked on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from blender_cutout.worker.serve import Server

    return int(Server(incoming, outgoing, make_engine).run())


def run_command(arguments: list[str]) -> None:
    """Runs what follows `COMMAND` as `python -m blender_cutout` would, and ends the process."""
    at = arguments.index(COMMAND)
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [place for place in sys.path if place != here]
    use_libraries(_value(arguments[:at], "--libraries"))
    register_package()
    sys.argv[1:] = arguments[at + 1 :]
    runpy.run_module(PACKAGE, run_name="__main__", alter_sys=False)


def _value(arguments: list[str], name: str) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments else None


if __name__ == "__main__":
    if COMMAND in sys.argv:
        run_command(sys.argv[1:])
    sys.exit(run(load_engine, sys.argv[1:]))
