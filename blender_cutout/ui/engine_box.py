"""Draws the engine's state and the set-up buttons, in the preferences and, while it is missing, in the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..host.interface_language import shown
from ..scene import preference_values

if TYPE_CHECKING:
    from .setup_view import Situation


def situation() -> Situation:
    """Returns the engine's state as last determined: finding it checks files, which drawing must not do."""
    from ..tasks.engine_setup import setup  # it needs `jobs`, which needs this module
    from .setup_view import Situation

    found, chosen = setup.facts, preference_values.current()
    own = found.library == "onnx"
    asked = bool(chosen.engine_python)
    place = found.python, found.missing, asked, bpy.app.online_access, chosen.wheels, found.tier
    return Situation(*place, own, found.note)


def draw(context: Any, column: Any) -> None:
    """Draws the engine's state and the set-up buttons."""
    from ..tasks.engine_setup import setup  # it needs `jobs`, which needs this module
    from . import setup_view, widgets

    view = setup_view.view(setup.installer.progress, situation())
    pixels = context.region.width / context.preferences.system.ui_scale if context.region else 600
    width = max(24, int((pixels - 80) / 6.5))  # characters; few are wider than 6.5 units
    if view.share >= 0:
        column.progress(factor=view.share, text=shown(view.bar), type="BAR")
    for line in view.lines:
        for number, part in enumerate(widgets.wrapped(shown(line.text), width)):
            column.label(text=part, icon="BLANK1" if number else line.icon)
    row = column.row()
    for button in view.buttons:
        row.operator(button.operator, text=button.text, icon=button.icon)


def is_needed() -> bool:
    """Returns True if there was no engine, or it was being set up, when last checked; looks at no files."""
    from ..tasks.engine_setup import setup

    found = setup.facts
    return bool(found.missing and not found.python) or setup.is_active
