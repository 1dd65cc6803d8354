"""Tests sentences that name clip frames, and how the add-on renames these."""

from __future__ import annotations

import copy
import pickle

from blender_cutout.core.frame_text import FrameText
from blender_cutout.core.propagation.outcome import Cause, Stop


def timeline(first: int, last: int) -> str:
    return f"{first + 100}" if first == last else f"{first + 100} until {last + 100}"


def test_a_sentence_names_clip_frames_until_other_numbers_are_given() -> None:
    sentence = FrameText("The masks of ", 3, " and of ", (7, 9), " are kept.")
    assert sentence == "The masks of clip frame 3 and of clip frames 7 to 9 are kept."
    assert sentence.with_names(timeline) == "The masks of 103 and of 107 until 109 are kept."


def test_a_sentence_begins_with_a_capital() -> None:
    sentence = FrameText(4, " is locked.")
    assert sentence == "Clip frame 4 is locked."
    assert sentence.with_names(lambda first, last: f"frame {first}") == "Frame 4 is locked."
    assert FrameText("clip.mov", " is empty.") == "clip.mov is empty."


def test_frames_of_a_sentence_within_another_are_kept() -> None:
    sentence = FrameText("The mask of ", 2, " is lost. ", FrameText(5, " as well."), " ", "{}")
    assert sentence == "The mask of clip frame 2 is lost. clip frame 5 as well. {}"
    assert sentence.with_names(timeline) == "The mask of 102 is lost. 105 as well. {}"


def test_copies_know_their_frames() -> None:
    sentence = FrameText("There is a cut at ", 9, ".")
    for other in (copy.copy(sentence), copy.deepcopy(sentence), pickle.loads(pickle.dumps(sentence))):
        assert other == sentence
        assert other.with_names(timeline) == "There is a cut at 109."


def test_stops_are_reported_with_their_frames() -> None:
    cut = Stop(Cause.CUT, 8, 8, 15).text
    assert cut == "Another shot begins at clip frame 8, so clip frames 8 to 15 got no mask. Draw on one of them."
    assert cut.with_names(timeline) == "Another shot begins at 108, so 108 until 115 got no mask. Draw on one of them."
    doubt = Stop(Cause.DOUBT, 8, 9, 9).text
    assert doubt.startswith(
        "The mask looks wrong on clip frame 8, so propagation stopped there (not reached: clip frame 9)"
    )
    assert doubt.with_names(timeline).startswith(
        "The mask looks wrong on 108, so propagation stopped there (not reached: 109)"
    )
