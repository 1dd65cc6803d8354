"""Tests the panel in every language: it follows Blender's interface while the window is open."""

from __future__ import annotations

import importlib

import bpy
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
        view.language = locale
        yield 4.0  # the header and the panel's title are drawn again by the timer
        shown = bpy.app.translations.pgettext_iface("New Cutout", ours.CONTEXT)
        stage.shot(f"in {locale}")
        stage.check(f"labels are in {locale}", shown not in ("", "New Cutout"), shown)
    view.language = before
    yield 2.0
    stage.shot("in English again")
