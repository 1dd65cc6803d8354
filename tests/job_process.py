"""Runs `cutout` with an engine that segments by colour, in a process of its own; "queue FOLDER" starts itself for jobs.

PAUSE: seconds after each propagated frame. PIDS: folder in which each process leaves a file named by its id.
WEIGHTS: id of the weights of the engine that made the jobs. FULL: part of the path of a job whose disk is full after
some masks.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from colour_engine import colour_engine  # noqa: E402

from blender_cutout import cli  # noqa: E402
from blender_cutout.commands.jobs import queue  # noqa: E402
from blender_cutout.commands.jobs.run import end_with_input, rules_of  # noqa: E402
from blender_cutout.core import atomic  # noqa: E402
from blender_cutout.core.engine import Engine  # noqa: E402


def fill_disk() -> None:
    write = atomic.write

    def full(path: Any, data: bytes, durable: bool = False) -> None:
        if Path(path).name == "000008.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, data, durable)

    atomic.write = full


def main() -> int:
    pause, pids = float(os.environ.get("PAUSE", "0")), os.environ.get("PIDS")
    whole = Engine.propagate_detailed

    def slowly(self: Engine, *args: Any, **more: Any) -> Any:
        for step in whole(self, *args, **more):
            yield step
            time.sleep(pause)

    Engine.propagate_detailed = slowly  # type: ignore[method-assign]
    if sys.argv[1] == "queue":
        command = [sys.executable, __file__]

        def run(args: Any, context: Any) -> int:
            if args.end_with_input:
                end_with_input()
            rules = [f"--map={rule.old}={rule.new}" for rule in rules_of(args)]
            return queue.run_folder(args.folder, context.report, command, rules)

        queue.run = run
    elif os.environ.get("FULL", "\0") in " ".join(sys.argv):
        fill_disk()
    elif pids:
        Path(pids, str(os.getpid())).touch()
    return cli.main(load=lambda tier, device: colour_engine(os.environ.get("WEIGHTS", "colour")))


if __name__ == "__main__":
    sys.exit(main())
