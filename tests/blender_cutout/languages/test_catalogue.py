"""Tests how a shown text finds its translation, with a language made for the tests."""

from __future__ import annotations

import pytest

from blender_cutout.languages import catalogue

TEXTS = {
    "Propagate": "Ausbreiten",
    "Clip": "Filmclip",
    "Opening the clip": "Clip wird geöffnet",
    "{0} of {1} frames have no mask and stay {2}.": "{0} von {1} Bildern haben keine Maske und bleiben {2}.",
    "empty": "leer",
    "{0} was cancelled.": "{0} wurde abgebrochen.",
    "frame {0}": "Bild {0}",
    "{0} propagated": "{0} propagiert",
    "{0} of the clip is damaged: {1}": "{0} des Clips ist beschädigt: {1}",
    "{0:d} to {1:d}": "{0} bis {1}",
    "{0} is locked.": "{0} ist gesperrt.",
    "The disk is full: {0}.": "Der Datenträger ist voll: {0}.",
    "Free some space.": "Schaffen Sie Platz.",
    "Saving": "Speichern",
    "The disk is full": "Der Datenträger ist voll",
    "Go to the frame {0}": "Zum Bild {0} gehen",
    "in doubt": "mit Zweifeln",
    "{0}. In the preview: {1}": "{0}. In der Vorschau: {1}",
}
GERMAN = catalogue.Catalogue(TEXTS)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Propagate", "Ausbreiten"),
        ("3 of 12 frames have no mask and stay empty.", "3 von 12 Bildern haben keine Maske und bleiben leer."),
        ("Opening the clip was cancelled.", "Clip wird geöffnet wurde abgebrochen."),
        ("Frame 12 is locked.", "Bild 12 ist gesperrt."),
        ("Frame 12 propagated.", "Bild 12 propagiert."),
        ("1, 3 to 7, 9", "1, 3 bis 7, 9"),
        ("The disk is full: /a: b. Free some space.", "Der Datenträger ist voll: /a: b. Schaffen Sie Platz."),
        ("Free some space", "Schaffen Sie Platz"),
        ("Saving: Free some space.", "Speichern: Schaffen Sie Platz."),
        ("Saving: something else", "Speichern: something else"),
        ("The disk is full. Free some space.", "Der Datenträger ist voll. Schaffen Sie Platz."),
        (
            "Go to the frame in doubt. In the preview: Ctrl Left",
            "Zum Bild mit Zweifeln gehen. In der Vorschau: Ctrl Left",
        ),
        ("frame with a tree", "frame with a tree"),
        ("Something nobody translated.", "Something nobody translated."),
        ("", ""),
    ],
)
def test_a_finished_text_is_translated_with_what_is_in_it(english, german):
    assert GERMAN.translated(english) == german


def test_the_artists_own_names_stay():
    assert GERMAN.translated("Clip was cancelled.") == "Clip wurde abgebrochen."


def test_a_number_matches_only_numbers():
    assert GERMAN.translated("back to front") == "back to front"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        *(("de_DE", "de"), ("fr_FR", "fr"), ("es", "es"), ("es_ES", "es"), ("ja_JP", "ja")),
        *(("zh_CN", "zh"), ("zh_HANS", "zh"), ("zh_TW", ""), ("zh_HANT", "")),
        *(("en_US", ""), ("en_GB", ""), ("sr_RS@latin", ""), ("", "")),
    ],
)
def test_every_blenders_name_of_a_language_finds_its_file(locale, language):
    assert catalogue.language_of(locale) == language
