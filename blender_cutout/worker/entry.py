"""First file of the engine's process, run as a script: `python -I entry.py [--log FILE]`.

It saves the two pipes to the host, lets everything that libraries print go to the log (standard error, or FILE), and
gives the package its name without any search path: so neither Blender's nor the extension's neighbours can get in the
way, and it works in a source checkout as in the extension's folder, whatever that is called.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = "blender_cutout"


def save_pipes(log: str | None = None) -> tuple[int, int]:
    """Descriptors of the host's messages and of ours; afterwards nobody else can read or write them by accident.

    Standard input gives nothing any more, standard output and error go to the file `log`, or, without one, both to
    where standard error went.
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


def register_package() -> None:
    """Makes the package that this file lies in importable as `blender_cutout`, wherever it is."""
    root = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def load_engine(tier: str, device: str) -> Any:
    """The engine with its networks: torch is imported here and not earlier."""
    from blender_cutout.compose import load_engine as load

    engine = load(tier, device)
    gc.freeze()  # hundreds of thousands of things that stay to the end: rubbish is not to be looked for among them
    return engine


def run(make_engine: Callable[[str, str], Any], arguments: list[str]) -> int:
    """Serves the host until it says goodbye or is gone; returns the exit code."""
    log = arguments[arguments.index("--log") + 1] if "--log" in arguments else None
    incoming, outgoing = save_pipes(log)
    register_package()
    # Asked to go by the system: as an exception, so that folders are unlocked on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from blender_cutout.worker.serve import Server

    return int(Server(incoming, outgoing, make_engine).run())


if __name__ == "__main__":
    sys.exit(run(load_engine, sys.argv[1:]))
