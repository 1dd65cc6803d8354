"""Tests the panel in every language: it follows Blender's interface while the window is open."""

from __future__ import annotations

import importlib
import time

import bpy
import bpy_kit as kit
import numpy as np
from desk import Steps
from stage import Stage, package


def language(stage: Stage) -> Steps:
    """Changes the interface's language, as in the preferences, and looks at the panel."""
    view, ours = bpy.context.preferences.view, package("host.interface_language")
    before = view.language
    # Not loaded while the interface is English.
    catalogue = importlib.import_module(f"{ours.__package__.rpartition('.')[0]}.languages.catalogue")
    locales = [name for name in bpy.app.translations.locales if catalogue.language_of(name)]
    stage.check("Blender has all the languages", len(locales) == 5, locales)
    for locale in sorted(locales):
        before_it = header(stage)
        view.language = locale
        began = time.monotonic()
        while not is_drawn_anew(stage, before_it) and time.monotonic() - began < 4.0:
            yield 0.1
        seconds = time.monotonic() - began
        stage.check(f"the header changes to {locale} at once", seconds < 2.0, f"{seconds:.1f} s")
        yield 3.0
        shown = bpy.app.translations.pgettext_iface("New Cutout", ours.CONTEXT)
        stage.shot(f"in {locale}")
        stage.check(f"labels are in {locale}", shown not in ("", "New Cutout"), shown)
    view.language = before
    yield 2.0
    stage.shot("in English again")


def header(stage: Stage) -> np.ndarray:
    """Returns the picture of our buttons in the header."""
    left, top, width, height = stage.desk.rectangle("HEADER")
    path = stage.desk.shot("header", (left + width * 4 // 5, top, width // 5, height))
    picture = kit.load_picture(bpy, path)
    path.unlink()
    return picture


def is_drawn_anew(stage: Stage, before: np.ndarray) -> bool:
    """Returns True if the header's buttons have changed."""
    return not np.array_equal(header(stage), before)
