"""Shows the add-on in the language of Blender's interface; loads only the language in use, and nothing for English.

Blender looks up labels and tooltips by itself, in what `follow` registers. Finished sentences, which it would not find,
go through `shown`, `tooltip` and `report`. A changed language is followed before the screen is drawn; what changes it
without a message, such as a loaded preset, is found by the timer that gathers facts, which calls `has_changed`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from ..languages.catalogue import Catalogue

CONTEXT = "Cutout"
"""Translation context of classes and properties whose names mean something else in other parts of Blender."""
_CONTEXTS = ("*", "Operator", CONTEXT)
_log = logging.getLogger(__name__)


class _Language:
    """The language in use.

    Attributes:
        locale: Blender's name of it when it was last looked at.
        catalogue: its texts, None = English.
        is_new: it has changed since `has_changed` was last called, perhaps while a panel was drawn.
    """

    def __init__(self) -> None:
        self.locale = ""
        self.catalogue: Catalogue | None = None
        self.is_new = False

    def follow(self) -> None:
        """Loads another language if the interface has changed to it. Cheap otherwise."""
        locale = _locale()
        if locale == self.locale:
            return
        self.drop()
        self.locale, self.is_new = locale, True
        if not locale.startswith("en"):
            self._load(locale)

    def has_changed(self) -> bool:
        """Returns True once after the language has changed: the screen must then be redrawn."""
        self.follow()
        is_new, self.is_new = self.is_new, False
        return is_new

    def _load(self, locale: str) -> None:
        from ..languages import catalogue

        language = catalogue.language_of(locale)
        if not language:
            return
        try:
            self.catalogue = catalogue.load(language)
        except (OSError, ValueError):
            _log.exception("Cannot read the texts of the language %s", language)
            return
        texts = {(context, text): shown for text, shown in self.catalogue.texts.items() for context in _CONTEXTS}
        bpy.app.translations.register(__package__, {locale: texts})

    def drop(self) -> None:
        """Goes back to English."""
        if self.catalogue is not None:
            bpy.app.translations.unregister(__package__)
        self.locale, self.catalogue = "", None


def _locale() -> str:
    """Returns Blender's name of the interface's language; "" in a Blender without languages."""
    return str(bpy.app.translations.locale)


_language = _Language()
follow, has_changed = _language.follow, _language.has_changed
_SUBSCRIBER = object()


def _changed() -> None:
    """Follows the language; Blender takes no methods here."""
    follow()


def subscribe() -> None:
    """Follows a language chosen in the preferences at once; Blender forgets this when it loads a file."""
    bpy.msgbus.clear_by_owner(_SUBSCRIBER)
    key = (bpy.types.PreferencesView, "language")
    bpy.msgbus.subscribe_rna(key=key, owner=_SUBSCRIBER, args=(), notify=_changed)


def register() -> None:
    """Loads the interface's language if it is not English."""
    follow()
    subscribe()


def unregister() -> None:
    """Goes back to English."""
    bpy.msgbus.clear_by_owner(_SUBSCRIBER)
    _language.drop()


def _translated(text: str, switch: str) -> str:
    """Returns a text in the interface's language if that switch of Blender's preferences is on."""
    follow()
    catalogue = _language.catalogue
    if catalogue is None or not text or not getattr(bpy.context.preferences.view, switch, True):
        return text
    return catalogue.translated(text)


shown = partial(_translated, switch="use_translate_interface")
"""Translates a finished text of panels and menus into the interface's language."""
tooltip = partial(_translated, switch="use_translate_tooltips")
"""Translates a finished tooltip, or the reason why a button is grey, into the interface's language."""
report = partial(_translated, switch="use_translate_reports")
"""Translates a message into the interface's language."""
