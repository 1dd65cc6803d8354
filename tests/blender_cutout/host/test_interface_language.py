"""Tests the add-on in other languages. Blender as a module has none: its own labels are looked at in `tests/window`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blender_cutout.devtools import interface_texts

pytestmark = pytest.mark.bpy
UNNAMED = {"CPU", "CUDA", ""}


@pytest.fixture
def speak(blender: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that changes the interface's language, by Blender's name of it."""
    from blender_cutout.host import interface_language

    view = blender.context.preferences.view
    for switch in ("use_translate_interface", "use_translate_tooltips", "use_translate_reports"):
        setattr(view, switch, True)
    return lambda locale: monkeypatch.setattr(interface_language, "_locale", lambda: locale)


def test_the_panel_follows_the_interface(blender: Any, speak: Callable[[str], None]) -> None:
    from blender_cutout.host.interface_language import shown

    speak("de_DE")
    assert shown("12 of 90 frames have no mask and stay empty.") == (
        "12 von 90 Bildern haben keine Maske und bleiben leer."
    )
    speak("zh_CN")
    assert shown("Select a movie or image strip.") == "请选择影片或图像片段。"
    speak("ko_KR")
    assert shown("Select a movie or image strip.") == "Select a movie or image strip."


def test_a_change_noticed_while_drawing_still_redraws_the_rest(blender: Any, speak: Callable[[str], None]) -> None:
    from blender_cutout.host import interface_language

    speak("de_DE")
    assert interface_language.shown("Propagate") == "Propagieren"
    assert interface_language.has_changed()
    assert not interface_language.has_changed()


def test_what_is_not_to_be_translated_is_not(blender: Any, speak: Callable[[str], None]) -> None:
    from blender_cutout.host.interface_language import report, shown, tooltip

    view = blender.context.preferences.view
    speak("de_DE")
    view.use_translate_interface = False
    assert (shown("The disk is full"), tooltip("The disk is full")) == ("The disk is full", "Der Datenträger ist voll")
    view.use_translate_reports = False
    assert report("The disk is full") == "The disk is full"


def test_a_grey_button_says_why_in_the_language(blender: Any, speak: Callable[[str], None]) -> None:
    speak("fr_FR")
    with pytest.raises(RuntimeError, match="Il n’y a pas encore de détourage"):
        blender.ops.cutout.propagate()


def test_an_error_is_reported_in_the_language(blender: Any, speak: Callable[[str], None]) -> None:
    speak("es")
    with pytest.raises(RuntimeError, match="No hay ningún clip seleccionado"):
        blender.ops.cutout.new()
    assert blender.context.window_manager.cutout.text == "No strip is selected."


def labels(blender: Any) -> Iterator[str]:
    """Yields the names and descriptions of everything that the add-on registers."""
    from blender_cutout import addon

    for cls in [cls for module in addon._MODULES for cls in module.CLASSES]:
        yield from (getattr(cls, name, "") for name in ("bl_label", "bl_description"))
        operator = getattr(cls, "bl_idname", "").partition(".")[2]
        known = getattr(blender.ops.cutout, operator).get_rna_type() if operator else cls.bl_rna
        for name in {name for base in cls.__mro__ for name in getattr(base, "__annotations__", ())}:
            found = known.properties.get(name)
            if found is None or found.is_hidden or not found.name or found.name.casefold() == name:
                continue
            yield from (found.name, found.description)
            if found.type == "ENUM" and name != "tier":  # what the tiers are like holds measured figures
                yield from (text for item in found.enum_items for text in (item.name, item.description))


def test_the_search_for_texts_finds_everything_that_is_registered(blender: Any) -> None:
    texts = set(interface_texts.interface_texts())
    found = {text for text in labels(blender) if any(map(str.isalpha, text))}
    assert len(found) > 150
    assert not sorted(found - texts - UNNAMED)
