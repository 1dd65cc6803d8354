"""Operators of the engine and for help: restart, set-up, check, report a problem, the manual."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.

import os
import time
from typing import TYPE_CHECKING, Any

import bpy

from ..core.errors import InputError, StoreError
from ..host import compat, manual, storage
from ..host.interface_language import report
from ..scene import preference_values
from ..tasks import jobs, shot_queue
from ..tasks.engine_setup import redraw, setup
from .base import Reporting

if TYPE_CHECKING:
    pass


class CUTOUT_OT_restart_engine(Reporting, bpy.types.Operator):
    """Stop the engine and start it again."""

    bl_idname = "cutout.restart_engine"
    bl_label = "Restart Engine"
    bl_description = "Stop the engine and start it again. All finished work is on disk and stays available"

    def run(self, context: Any) -> set[str]:
        """Starts a new engine; it opens each cutout when it is next used."""
        jobs.close()
        jobs.queue.ensure_engine()
        jobs.say("INFO", "The engine was restarted.", "Continue where you were.")
        return {"FINISHED"}


class SetupOperator(Reporting):
    """Starts `setup`; in background mode waits until it ends."""

    def run(self, context: Any) -> set[str]:
        """Starts the set-up or check."""
        if setup.installer.progress.active:
            raise InputError("The engine is already being set up or checked.", "Wait, or cancel that first.")
        self.start(context)  # type: ignore[attr-defined]
        if not bpy.app.background:
            return {"FINISHED"}
        while setup.step():
            time.sleep(0.02)
        progress = setup.installer.progress
        if progress.phase == "failed":
            return self.fail(progress.text, progress.hint)
        self.report({"INFO"}, report(progress.engine or progress.text))  # type: ignore[attr-defined]
        return {"FINISHED"}


class CUTOUT_OT_set_up_engine(SetupOperator, bpy.types.Operator):
    """Install the engine's Python environment; Blender stays usable meanwhile."""

    bl_idname = "cutout.set_up_engine"
    bl_label = "Set Up Engine"
    bl_description = "Install PyTorch and the engine's other libraries in their own folder, outside Blender"

    def start(self, context: Any) -> None:
        """Starts the installation."""
        from ..environment.installer import OFFLINE, OFFLINE_HINT
        from ..environment.interpreters import blenders_python
        from ..environment.processor_check import require_avx2

        require_avx2()  # before gigabytes are downloaded
        chosen = preference_values.current()
        if chosen.engine_python:
            raise InputError("An existing Python is chosen for the engine.", "Clear that field to set up a new one.")
        if jobs.queue.jobs:
            raise InputError("The engine is busy.", "Wait until it is done, or cancel first.")
        if chosen.wheels and not os.path.isdir(chosen.wheels):
            raise InputError(f"The folder of wheels does not exist: {chosen.wheels}", "Choose another folder, or none.")
        if not chosen.wheels and not bpy.app.online_access:
            raise InputError(OFFLINE, OFFLINE_HINT)
        jobs.close()  # on Windows, libraries in use cannot be replaced
        request = {"device": chosen.device, "tier": chosen.tier, "wheels": chosen.wheels}
        setup.begin("setup", blenders_python(), request)


class CUTOUT_OT_check_installation(SetupOperator, bpy.types.Operator):
    """Check that the engine's libraries are complete, start it, and report its device."""

    bl_idname = "cutout.check_installation"
    bl_label = "Check Installation"
    bl_description = "Check that the engine has everything it needs, start it, and report which device it runs on"

    def start(self, context: Any) -> None:
        """Starts the check."""
        from ..environment.engine_place import find_engine
        from ..environment.interpreters import blenders_python

        chosen = preference_values.current()
        found = find_engine(chosen.engine_python or None)
        if not jobs.queue.jobs:
            jobs.close()
        request = {"python": str(found.python), "libraries": str(found.libraries or "")}
        setup.begin("check", blenders_python(), {**request, "tier": chosen.tier, "device": chosen.device})


class CUTOUT_OT_cancel_set_up(Reporting, bpy.types.Operator):
    """Cancel the engine's set-up."""

    bl_idname = "cutout.cancel_set_up"
    bl_label = "Cancel"
    bl_description = (
        "Cancel the set-up. Finished downloads are kept for the next try; an incomplete installation is never used"
    )

    def run(self, context: Any) -> set[str]:
        """Cancels the set-up."""
        setup.cancel()
        redraw()
        return {"FINISHED"}


class CUTOUT_OT_remove_everything(Reporting, bpy.types.Operator):
    """Delete what the add-on stores outside its own folder; masks stay."""

    bl_idname = "cutout.remove_everything"
    bl_label = "Remove Everything"
    bl_description = (
        "Before uninstalling: delete the engine's environment, timings, downloaded networks, logs and the queue's "
        "list, for all your Blenders. Masks stay"
    )

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks first."""
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context: Any) -> set[str]:
        """Ends the engine and deletes the files."""
        from ..environment.leftovers import remove_all

        if jobs.queue.jobs or setup.is_active or shot_queue.shots.running:
            raise InputError("The engine is busy.", "Wait until it is done, or cancel first.")
        jobs.close()
        shot_queue.close()
        setup.close()
        try:
            done = remove_all((storage.user_folder("logs"), storage.user_folder("queue")))
        except OSError as error:
            raise StoreError(f"The files cannot be deleted: {error}", "Check the folder's permissions.") from error
        setup.look()
        if done.left:
            jobs.say("WARNING", f"{done.left[0]} cannot be deleted.", "Close other Blenders, then try again.")
            return {"FINISHED"}
        storage.remove_empty()
        unsaved = next((place for place in storage.unsaved_folders() if place.is_dir() and any(place.iterdir())), None)
        hint = "Masks stay in the cutout folders next to your .blend files."
        if unsaved is not None:
            hint = f"Masks stay next to your .blend files, those of files never saved in {unsaved}"
        jobs.say("INFO", f"Removed {done.size / 1e6:.0f} MB.", hint)
        return {"FINISHED"}


class CUTOUT_OT_report_problem(Reporting, bpy.types.Operator):
    """Write a report about a problem, without names and paths, and show it."""

    bl_idname = "cutout.report_problem"
    bl_label = "Report a Problem"
    bl_description = (
        "Write a report with versions, numbers and the end of the engine's log, and show it as a text block. Names and "
        "paths are removed, and nothing is sent"
    )

    def run(self, context: Any) -> set[str]:
        """Writes the report."""
        from ..tasks import problem_report

        scene = compat.sequencer_scene(context)
        try:
            file = problem_report.write(scene)
        except OSError as error:
            raise StoreError(f"The report cannot be written: {error}", "Free disk space, and try again.") from error
        problem_report.show()
        text = f"The report is saved as the text block {problem_report.NAME!r} in this file."
        jobs.say("INFO", text, f"Read it in a Text Editor before you pass it on. It is also in {file}")
        return {"FINISHED"}


class CUTOUT_OT_open_manual(Reporting, bpy.types.Operator):
    """Open the manual in the browser."""

    bl_idname = "cutout.open_manual"
    bl_label = "Cutout Manual"
    bl_description = (
        "Open the manual in the browser, from the add-on's own files. F1 over a button opens the section on it"
    )

    def run(self, context: Any) -> set[str]:
        """Opens it."""
        result: set[str] = bpy.ops.wm.url_open(url=manual.address())
        return result


CLASSES = (
    CUTOUT_OT_restart_engine,
    CUTOUT_OT_set_up_engine,
    CUTOUT_OT_check_installation,
    CUTOUT_OT_cancel_set_up,
    CUTOUT_OT_remove_everything,
    CUTOUT_OT_report_problem,
    CUTOUT_OT_open_manual,
)
