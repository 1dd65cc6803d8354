"""Tests the panel in every language: it follows Blender's interface while the window is open."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator
from typing import Any

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
        late = yield from lateness(stage, view, locale)
        stage.check(f"our buttons change to {locale} with Blender's", late < 0.7, f"{late:.1f} s later")
        yield 3.0
        shown = bpy.app.translations.pgettext_iface("New Cutout", ours.CONTEXT)
        stage.shot(f"in {locale}")
        stage.check(f"labels are in {locale}", shown not in ("", "New Cutout"), shown)
    view.language = before
    yield 2.0
    stage.shot("in English again")


def lateness(stage: Stage, view: Any, locale: str) -> Generator[float, None, float]:
    """Changes the language; returns how many seconds our part of the header changes after Blender's."""
    before, when = header(stage), [0.0, 0.0]
    view.language = locale
    end = time.monotonic() + 8.0
    while not all(when) and time.monotonic() < end:
        yield 0.1
        seen, now = header(stage), time.monotonic()
        for part, (old, new) in enumerate(zip(before, seen, strict=True)):
            if not when[part] and not np.array_equal(old, new):
                when[part] = now
    theirs, ours = when
    return (ours or end) - (theirs or end)


def header(stage: Stage) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pictures of Blender's menus and of our buttons in the header."""
    left, top, width, height = stage.desk.rectangle("HEADER")
    path = stage.desk.shot("header", (left, top, width, height))
    picture = kit.load_picture(bpy, path)
    path.unlink()
    columns = picture.shape[1]
    return picture[:, columns // 6 : columns * 2 // 5], picture[:, columns * 7 // 8 :]
