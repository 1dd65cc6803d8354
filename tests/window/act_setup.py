"""Tests the preferences: Set Up Engine and Check Installation, by their buttons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
from desk import Steps
from stage import Stage, package


def set_up(stage: Stage) -> Steps:
    """Refused without network and wheels; from a folder of wheels an engine is made, tried and used."""
    desk, name = stage.desk, package("host.storage").PACKAGE
    chosen, earlier = bpy.context.preferences.addons[name].preferences, os.environ.pop("CUTOUT_PYTHON")
    os.environ["CUTOUT_HOME"] = str(stage.scratch / "engine home é")
    package("tasks.jobs").close()
    desk.area.type = "PREFERENCES"
    desk.editor = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Blender Cutout"
    yield 1.0
    with desk.override("WINDOW"):
        bpy.ops.preferences.addon_expand(module=name)
    yield 1.0
    yield from _look(stage)
    stage.shot("preferences without an engine")
    yield from desk.press("cutout.set_up_engine")
    yield 0.5
    stage.says("offline it is not tried", "stay offline")
    yield from desk.rest()
    chosen.wheels = "/no such folder"
    yield 0.5
    yield from _look(stage)
    yield from desk.press("cutout.set_up_engine")
    yield 0.5
    stage.says("a folder that is not there", "folder of wheels does not exist")
    yield from desk.rest()
    if stage.wheels is not None:
        chosen.wheels = str(stage.wheels)
        yield 0.5
        yield from _look(stage)
        yield from _install(stage)
    os.environ["CUTOUT_PYTHON"] = earlier
    chosen.wheels, chosen.engine_python = "", earlier
    yield 0.5
    yield from _look(stage)
    yield from desk.press("cutout.check_installation")
    yield from _until_done(stage, "")
    progress = _progress()
    stage.check("an existing Python is checked", progress.phase == "done", f"{progress.text} {progress.engine}")
    yield 0.5
    stage.shot("preferences with an existing Python")
    chosen.engine_python = ""
    package("tasks.jobs").close()
    desk.editor = "SEQUENCE_EDITOR"
    next(a for a in desk.window.screen.areas if a.type == "PREFERENCES").type = "SEQUENCE_EDITOR"
    yield 1.0


def _install(stage: Stage) -> Steps:
    """Sets up from the folder of wheels until the engine answers; cancels once on the way."""
    desk = stage.desk
    yield from desk.press("cutout.set_up_engine")
    stage.gaps.clear()
    yield 4.0
    yield from _look(stage)
    stage.shot("setting the engine up")
    yield from desk.press("cutout.cancel_set_up")
    yield from _until_done(stage, "")
    stage.check("it can be cancelled", _progress().phase == "cancelled", f"{_progress().text} {_progress().hint}")
    yield 0.5
    yield from _look(stage)
    yield from desk.press("cutout.set_up_engine")
    yield from _until_done(stage, "setting the engine up, later")
    longest, progress = max([0.0, *stage.gaps]), _progress()
    stage.check("the engine is set up from wheels", progress.phase == "done", f"{progress.text} {progress.hint}")
    stage.check("the self-test tells what it runs on", "tier" in progress.engine, progress.engine)
    stage.check("the window answers meanwhile", longest < 1.0, f"longest pause {longest:.2f} s")
    yield 0.5
    stage.shot("preferences with the new engine")
    home = Path(os.environ["CUTOUT_HOME"])
    python = package("environment.venv").worker_python()
    stage.check("the new engine is used", home in python.parents, python)
    yield from _look(stage)
    yield from desk.press("cutout.check_installation")
    yield from _until_done(stage, "")
    stage.check("the check-up finds it well", _progress().phase == "done", f"{_progress().text} {_progress().engine}")


def _look(stage: Stage) -> Steps:
    """Finds the buttons in the preferences."""
    yield from stage.desk.find_buttons(kind="WINDOW", shares=(0.3, 0.75), longest=500)


def _progress() -> Any:
    return package("tasks.engine_setup").setup.installer.progress


def _until_done(stage: Stage, shot: str) -> Steps:
    """Waits for the set-up to finish, taking a picture on the way."""
    taken = not shot
    yield 0.5
    for _ in range(3600):
        yield 0.1
        progress = _progress()
        if not progress.active:
            return
        if not taken and progress.share > 0.3:
            stage.shot(shot)
            taken = True
