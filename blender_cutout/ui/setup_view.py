"""Returns texts, progress bar and buttons of the engine's set-up for every state, without Blender."""

from __future__ import annotations

from dataclasses import dataclass

from ..environment.installer import OFFLINE, OFFLINE_HINT, SetupProgress

_FOR_A_CARD = "Only for a graphics card: Set Up GPU Engine downloads PyTorch, 3 GB, for all your Blender versions."
SETUP, CHECK, CANCEL = "cutout.set_up_engine", "cutout.check_installation", "cutout.cancel_set_up"


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence and its icon."""

    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Button:
    """An operator as a button."""

    operator: str
    text: str
    icon: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that determines the texts, except the progress.

    Attributes:
        python: the Python that the engine would use; "" = none.
        missing: what is missing if there is none; "" with no python = not determined yet.
        chosen: the artist chose an existing Python.
        online: Blender may use the network.
        wheels: the folder of wheels; "" = none chosen.
        tier: the engine's tier and its speed on this machine.
        own: the engine came with the add-on; then another is optional.
        note: why it is this engine, if another might be expected.
    """

    python: str
    missing: str = ""
    chosen: bool = False
    online: bool = True
    wheels: str = ""
    tier: str = ""
    own: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class SetupView:
    """What to draw, from top to bottom; `share` < 0 = no bar."""

    lines: tuple[Line, ...]
    buttons: tuple[Button, ...]
    share: float = -1.0
    bar: str = ""


def view(progress: SetupProgress, now: Situation) -> SetupView:
    """Returns what the preferences show."""
    if progress.active:
        said = (Line("BLANK1", progress.line),) if progress.line else ()
        buttons = (Button(CANCEL, "Cancel", "X"),) if progress.phase == "running" else ()
        return SetupView(said, buttons, progress.share, progress.step or "Starting")
    lines = _state(now)
    if progress.phase == "done":
        lines += (Line("CHECKMARK", progress.text),)
        if progress.engine:
            lines += (Line("BLANK1", f"Self-test: {progress.engine}."),)
    elif progress.phase == "failed":
        lines += (Line("ERROR", progress.text), Line("BLANK1", progress.hint))
    elif progress.phase == "cancelled":
        lines += (Line("INFO", progress.text), Line("BLANK1", progress.hint))
    check = Button(CHECK, "Check Installation", "VIEWZOOM")
    if now.chosen:
        return SetupView(lines, (check,))
    name = "Set Up GPU Engine" if now.own else "Set Up Again" if now.python else "Set Up Engine"
    setup = Button(SETUP, name, "IMPORT")
    return SetupView(lines, (setup, check) if now.python else (setup,))


def _state(now: Situation) -> tuple[Line, ...]:
    """Returns the lines shown before any button is pressed."""
    if now.python:
        tier: tuple[Line, ...] = (Line("BLANK1", f"Tier: {now.tier}"),) if now.tier else ()
        if now.note:
            tier += (Line("INFO", now.note),)
        if now.own:
            said = Line("CHECKMARK", "The engine came with the add-on. It runs on the processor and needs no set-up.")
            return (said, *tier, Line("BLANK1", _FOR_A_CARD))
        return (Line("CHECKMARK", f"The engine runs with {now.python}"), *tier)
    if not now.missing:
        return (Line("BLANK1", "Looking for the engine."),)
    lines = (Line("ERROR", now.missing),)
    if now.chosen:
        return (*lines, Line("BLANK1", "Correct it, or clear the field to set up an engine here."))
    if now.wheels:
        return (*lines, Line("BLANK1", f"Set Up Engine installs from {now.wheels}; nothing is downloaded."))
    if not now.online:
        return (*lines, Line("INFO", OFFLINE), Line("BLANK1", OFFLINE_HINT))
    size = "Set Up Engine downloads it once for all your Blender versions: 0.3 GB, or 3 GB with a graphics card."
    return (*lines, Line("BLANK1", size))
