"""Connects the engine to Blender: starts it, and turns its messages into properties, panel messages and redraws.

There is one queue. While a job is open, a timer calls `step`; without an event loop (`bpy` as a module, background
mode) `wait` does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..client.job_queue import Job, JobQueue, Opening
from ..core.errors import CutoutError, InputError
from ..host import kept, storage, strips
from ..host.interface_language import shown
from ..scene import doubt, frame_spans, preference_values, properties, rejected, track_lookup
from ..scene.clip_in_view import frame_in_view

if TYPE_CHECKING:
    from ..client.job_queue import AtEnd, Outcome
    from ..client.process import WorkerClient
    from ..core.messages import Failed, Hello, MatteReady, Progress, Ready, Request, TrackState

PROPAGATING = "Propagating"
"""Title of the jobs that propagate."""
INTERVAL = 0.005
"""Seconds between checks of the engine while it works."""
QUIET = 0.3
"""Seconds that a job may take before the panel shows it. A round takes less, so nothing is redrawn while the engine
needs the processor, and the panel does not jump with every stroke."""
_SELDOM = 0.25
"""Minimum seconds between redraws of the timelines, and of the panels, while masks arrive."""
_LOADING = 120.0
"""Maximum seconds to wait for the networks to load."""
_UNFIT_CLIP = ("InputError", "FrameReadError", "StripError")


class JobReporter:
    """Turns the engine's messages into properties and redraws."""

    def __init__(self) -> None:
        self.mattes: dict[str, dict[int, str]] = {}
        """Track → clip frame → file of a matte newer than the track's last state."""
        self.disk: dict[str, tuple[int, int, int]] = {}
        """Track → `TrackState.disk`."""
        self.readies = 0
        """1 = the engine has responded, 2 = its networks are loaded."""
        self.loading_until = 0.0
        """Time until which the engine's networks are waited for while no job is open."""
        self.in_view = False
        """True if the previews need a redraw."""
        self.marked = False
        """True if the timelines need a redraw."""
        self.marked_at = 0.0
        """Time of the last timeline redraw."""
        self.news = False
        """True if there is something new for the panels."""
        self.news_at = 0.0
        """Time of the panels' last redraw."""
        self.quiet_until = 0.0
        """Time at which the panel shows the latest job; 0 = it does already."""

    def on_ready(self, event: Ready) -> None:
        """Stores the engine's device and tier."""
        self.readies += 1
        status = properties.status()
        status.engine = f"Engine {event.version}: tier {event.tier} on {event.device}"
        if self.readies > 1:
            status.tier = event.tier

    def on_state(self, event: TrackState) -> None:
        """Stores a track's state in its scene."""
        found = properties.track_by_uuid(event.track)
        if not found:
            return
        scene, track = found
        self.in_view = self.marked = True
        track.head, track.keyframe_count = event.head, len(event.keyframes)
        track.frame_count, track.width, track.height = event.frame_count, event.width, event.height
        strips.keep_shown(scene, track.strip_uuid, event.shown, event.turned)
        track.done_count = sum(stop - start for start, stop in event.done)
        track.mattes = json.dumps(event.mattes, separators=(",", ":"))
        self.mattes.pop(event.track, None)
        self.disk[event.track] = event.disk
        track.drawn = json.dumps(event.keyframes, separators=(",", ":"))
        track.absences = json.dumps(event.absent, separators=(",", ":"))
        track.locks = json.dumps(event.locked, separators=(",", ":"))
        track.corrected = json.dumps(event.corrected, separators=(",", ":"))
        track.versions = json.dumps(event.versions, separators=(",", ":"))
        frame_spans.relabel(scene, track)
        track.confidence = event.confidence
        doubt.judge(scene, track)

    def on_matte(self, job: Job, event: MatteReady) -> None:
        """Stores the file of a frame's matte."""
        self.mattes.setdefault(event.track, {})[event.frame] = event.path
        if job.title == PROPAGATING and (found := properties.track_by_uuid(event.track)):
            rejected.clear(*found, (event.frame,))
        self.in_view = self.in_view or frame_in_view() in (event.frame, None)
        self.marked = True

    def on_progress(self, job: Job, event: Progress) -> None:
        """Updates the progress bar."""
        status = properties.status()
        # The engine counts steps, of which a frame may take several: only the share means something to the artist.
        status.progress = min(1.0, event.done / event.total) if event.total > 0 else 0.0
        title, percent = shown(job.title), round(100 * status.progress)
        status.stage = f"{title} {percent}%, {event.eta:.0f} s left" if event.eta >= 0 else f"{title} {percent}%"

    def on_warning(self, job: Job | None, text: str) -> None:
        """Shows a warning."""
        if job is None:  # it may be that the networks cannot be loaded
            self.loading_until = 0.0
        say("WARNING", _in_timeline(job, text))

    def on_end(self, job: Job, outcome: Outcome) -> None:
        """Shows a job's outcome, and adds a step to Blender's undo."""
        from ..core.messages import Cancelled, Failed

        self.in_view = True  # applied strokes look different
        if isinstance(outcome, Failed):
            text, hint = _in_timeline(job, outcome.text), _in_timeline(job, outcome.hint)
            outcome = job.outcome = replace(outcome, text=text, hint=hint)
            say("ERROR", text, hint)
            if outcome.code == "WorkerDied":
                properties.status().lost = True
            elif outcome.code in _UNFIT_CLIP:
                track_lookup.forget_unopened(job.track)
        elif isinstance(outcome, Cancelled):
            say("INFO", f"{job.title} was cancelled.", "Finished frames stay.")
        elif properties.status().level == "INFO":  # keep an earlier warning
            say("INFO", outcome.summary)
        if job.undo and not isinstance(outcome, Failed):
            push_undo(job.undo)
        for call in at_end:
            call(job, outcome)

    def on_lost(self, event: Failed) -> None:
        """Shows that the engine was lost."""
        say("ERROR", event.text, event.hint)
        properties.status().lost = True


_reporter = JobReporter()
at_end: list[Callable[[Job, Outcome], None]] = []
"""Functions to call each time a job has ended."""
at_rest: list[Callable[[], None]] = []
"""Functions to call each time the last open job has ended."""


def _start() -> WorkerClient:
    """Starts the engine with the current preferences."""
    from ..client.process import WorkerClient

    chosen = preference_values.current()
    client = WorkerClient(engine_command(chosen.engine_python), storage.user_folder("logs") / "engine.log")
    client.start(_hello())
    _expect_networks()
    status = properties.status()
    status.lost = False
    status.engine = "Engine starting"
    return client


def _hello() -> Hello:
    """Returns the engine's settings from the preferences."""
    from ..core.messages import PROTOCOL, Hello

    chosen = preference_values.current()
    return Hello(PROTOCOL, chosen.tier, chosen.device, changes=True)


def change_engine() -> None:
    """Sends the current preferences to a running engine; otherwise it reads them at its start."""
    _expect_networks()
    if queue.running:
        queue.greet(_hello())
        _start_timer()


def _expect_networks() -> None:
    _reporter.readies, _reporter.loading_until = 0, time.monotonic() + _LOADING


def engine_command(python: str = "") -> list[str]:
    """Returns the command that starts the engine. Raises EnvironmentMissing if it is not installed."""
    from ..client.process import worker_command
    from ..environment.engine_place import find_engine

    found = find_engine(python or None)
    return worker_command(found.python, libraries=found.libraries)


queue = JobQueue(_start, _reporter)


def matte_file(track: Any, frame: int) -> Path | None:
    """Returns the file of a clip frame's newest matte, also during propagation; None = none."""
    newest = _reporter.mattes.get(track.uuid, {}).get(frame)
    if newest is not None:
        return Path(newest)
    for start, stop, operation in kept.mattes(track.mattes, track.frame_count):
        if start <= frame < stop:
            with suppress(InputError):  # reported when the file was opened
                return storage.track_folder(track) / "mattes" / operation / f"{frame:06d}.png"
    return None


def under_way(track: Any) -> frozenset[int]:
    """Returns the clip frames with a mask newer than the cutout's last state."""
    return frozenset(_reporter.mattes.get(track.uuid, ()))


def disk_use(track: Any) -> tuple[int, int, int] | None:
    """Returns the disk use of a cutout's masks, see `TrackState.disk`; None = not reported yet."""
    return _reporter.disk.get(track.uuid)


def engine_loaded() -> bool:
    """Returns True once the engine has reported that its networks are loaded."""
    return queue.running and _reporter.readies > 1


def say(level: str, text: str, hint: str = "") -> None:
    """Shows a message in the panel."""
    _note(level, text, hint)
    redraw("UI")


def _note(level: str, text: str, hint: str = "") -> None:
    """Stores a message for the next redraw of the panel."""
    status = properties.status()
    status.level, status.text, status.hint = level, text, hint


def submit(
    scene: Any,
    track: Any,
    title: str,
    message: Callable[[str], Request] | None = None,
    then: AtEnd | None = None,
    undo: str = "",
    others: Iterable[Any] = (),
) -> Job:
    """Gives the engine a job on a cutout, as `JobQueue.submit`; the timer handles the rest.

    `others` are cutouts of the same scene that have to be open as well.

    Raises:
        StripError: the strip is gone, or its files.
        InputError: the .blend names a folder that is not its own.
        EnvironmentMissing: the engine is not installed.
    """
    opening, more = _opening(scene, track), {other.uuid: _opening(scene, other) for other in others}
    _note("INFO", "")
    job = queue.submit(track.uuid, opening, title, message, then, undo, more)
    status = properties.status()
    status.busy, status.stage, status.progress = bool(queue.jobs), title, 0.0
    _reporter.quiet_until = time.monotonic() + QUIET
    _start_timer()
    return job


def ask(track: str, message: Callable[[str], Request], then: Callable[[Outcome], None]) -> bool:
    """Sends a request for the preview, as `JobQueue.ask`; when it is answered the preview is redrawn."""

    def answered(outcome: Outcome) -> None:
        _reporter.in_view = True
        then(outcome)

    sent = queue.ask(track, message, answered)
    if sent:
        _start_timer()
    return sent


def _start_timer() -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=INTERVAL)


def _opening(scene: Any, track: Any) -> Opening:
    """Returns how the engine opens a cutout."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    folder = storage.track_folder(track)
    return Opening(strips.clip_of(strip), folder, track.head, preference_values.current().limit, bool(track.later))


def step() -> bool:
    """Handles the engine's messages without waiting; returns True while jobs are open."""
    before, taken = properties.status().busy, queue.taken
    busy = queue.step()
    status = properties.status()
    status.busy = busy
    if before and not busy:
        for call in at_rest:
            call()
        busy = status.busy = bool(queue.jobs)
    # Do not redraw the preview for every message, nor anything while a round is under way.
    if _reporter.in_view:
        redraw("PREVIEW")
    now = time.monotonic()
    _reporter.news = _reporter.news or taken != queue.taken
    is_due = now > _reporter.quiet_until and (not busy or now > _reporter.news_at + _SELDOM)
    if busy != before or _reporter.in_view or (_reporter.news and is_due):
        redraw("UI")
        _reporter.news, _reporter.news_at = False, now
    elif busy and 0 < _reporter.quiet_until < now:
        _reporter.quiet_until = 0.0
        redraw("UI")
    _reporter.in_view = False
    if _reporter.marked and (not busy or now > _reporter.marked_at + _SELDOM):
        redraw("WINDOW")
        _reporter.marked, _reporter.marked_at = False, now
    return busy


def wait(job: Job, seconds: float | None = None) -> Outcome:
    """Steps until a job has ended; returns its outcome. Raises TimeoutError after `seconds`."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while job.outcome is None:
        step()
        if job.outcome is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"The engine did not finish in {seconds} s: {job.title}")
            time.sleep(0.01)  # looks in a row take the engine's processor time
    step()
    return job.outcome


def follow_blender() -> None:
    """Moves the engine's heads to those restored by Blender's undo or redo."""
    from ..core.messages import Checkout

    for scene, track in properties.tracks():
        head = queue.heads.get(track.uuid)
        if head is None or head == track.head or not queue.running:
            continue
        uuid, wanted = track.uuid, track.head
        try:
            submit(scene, track, "Undoing", lambda job, u=uuid, h=wanted: Checkout(job, u, h))  # type: ignore[misc]
        except CutoutError as error:
            say("ERROR", error.text, error.hint)


def close() -> None:
    """Ends the engine and the timer; unfinished work is dropped, finished work is on disk."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    queue.close()
    _reporter.mattes.clear()
    if hasattr(bpy.types.WindowManager, "cutout"):
        status = properties.status()
        status.busy, status.engine = False, ""


def end_process() -> None:
    """Ends the engine at Blender's exit, without touching Blender's data."""
    queue.close()


def redraw(kind: str = "") -> None:
    """Redraws every sequencer, or only its regions of one type."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                for region in area.regions:
                    if not kind or region.type == kind:
                        region.tag_redraw()


def _in_timeline(job: Job | None, text: str) -> str:
    """Returns an engine message with its frames numbered as in the timeline."""
    found = properties.track_by_uuid(job.track) if job else None
    return frame_spans.in_timeline(*found, text) if found else str(text)


def push_undo(name: str) -> None:
    """Adds the present state to Blender's undo: the engine's answers arrive outside any operator."""
    windows = bpy.context.window_manager.windows
    if not len(windows):
        return
    with bpy.context.temp_override(window=windows[0]):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=name)


def _tick() -> float | None:
    """Timer callback: runs again while the engine works or loads its networks, then ends."""
    if step() or queue.asking:
        return INTERVAL
    is_loading = queue.running and not engine_loaded() and time.monotonic() < _reporter.loading_until
    return 20 * INTERVAL if is_loading else None
