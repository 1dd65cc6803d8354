"""Runs the window test's acts, one by one, inside Blender; started by `run.py`.

Arguments after `--`: output folder, clip, film, scratch folder, folder of wheels ("" = none), and the acts to run ("" =
all): short runs help while working on one of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import act_brush  # noqa: E402
import act_care  # noqa: E402
import act_clip  # noqa: E402
import act_copies  # noqa: E402
import act_day  # noqa: E402
import act_edge  # noqa: E402
import act_follow  # noqa: E402
import act_hand  # noqa: E402
import act_language  # noqa: E402
import act_objects  # noqa: E402
import act_output  # noqa: E402
import act_paint  # noqa: E402
import act_queue  # noqa: E402
import act_scrub  # noqa: E402
import act_setup  # noqa: E402
import act_speed  # noqa: E402
import act_strokes  # noqa: E402
import act_windows  # noqa: E402
import act_wrong  # noqa: E402
from desk import Steps, play  # noqa: E402
from stage import Stage  # noqa: E402

ALWAYS = (act_strokes.open, act_strokes.mistakes)
ACTS = (
    act_strokes.draw,
    act_brush.brush,
    act_paint.paint,
    act_clip.cancel,
    act_clip.propagate,
    act_follow.follow,
    act_edge.edge,
    act_clip.turn,
    act_clip.write,
    act_hand.hand,
    act_hand.pie,
    act_output.forms,
    act_output.render,
    act_output.frames,
    act_clip.save_and_load,
    act_clip.lose_the_engine,
    act_objects.objects,
    act_wrong.wrong,
    act_windows.windows,
    act_care.care,
    act_queue.queue,
    act_copies.copies,
    act_language.language,
    act_speed.speed,
    act_speed.large,
    act_scrub.scrub,
    act_day.day,
    act_setup.set_up,
)


def way(stage: Stage, chosen: list[str]) -> Steps:
    """Runs all acts, or the chosen ones. Raises LookupError for an unknown one."""
    if unknown := set(chosen) - {act.__name__ for act in ACTS}:
        raise LookupError(f"There are no acts {sorted(unknown)}; there are {[act.__name__ for act in ACTS]}.")
    stage.watch()
    for act in (*ALWAYS, *(act for act in ACTS if not chosen or act.__name__ in chosen)):
        yield from act(stage)
    stage.check("the test ran to its end", True)


def _start() -> None:
    *folders, wheels, chosen = sys.argv[sys.argv.index("--") + 1 :]
    stage = Stage(*map(Path, folders), Path(wheels) if wheels else None)
    bpy.app.timers.register(stage.beat, persistent=True)
    play(way(stage, chosen.split()), lambda text: stage.check("the test ran to its end", False, text))


_start()
