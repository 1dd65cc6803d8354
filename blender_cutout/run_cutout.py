"""Runs `cutout` as a script: `python -I run_cutout.py WORDS`.

The package needs no search path and may lie in a folder of any name, as in Blender's extensions, see `worker/entry.py`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def main() -> int:
    """Runs the command line; returns the exit code."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [place for place in sys.path if place != str(here)]
    spec = importlib.util.spec_from_file_location("entry", here / "worker" / "entry.py")
    assert spec is not None
    assert spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    entry.register_package()
    from blender_cutout.cli import main as cutout

    return int(cutout())


if __name__ == "__main__":
    sys.exit(main())
