"""Tests the wire format."""

from __future__ import annotations

import json

import pytest

from blender_cutout.core import messages as m
from blender_cutout.core.errors import ProtocolError
from blender_cutout.core.frame_text import FrameText
from blender_cutout.core.types import PropagationOptions

STROKE = {"label": "keep", "radius": 6.5, "points": [[1.0, 2.0], [3.25, 4.0]]}
ALL = [
    m.Hello(1, "auto", "cpu"),
    m.OpenTrack("j1", "t", "/media/ein Film – Kopie.mp4", ("a 1.png", "b.png"), "/x"),
    m.ApplyRound("j2", "t", 5, (STROKE,), 2.0, False),
    m.FindPeople("j2", "t", 5),
    m.Propagate("j3", "t", 0, 9, "both"),
    m.PropagateGroup("j3", ("t", "u"), ("Hund", "Katze ü"), 0, 100, "both"),
    m.LockFrames("j3", "t", 2, 7, False),
    m.MarkAbsent("j3", "t", 2, 7, False),
    m.EditVersion("j3", "t", "keep", "Fassung"),
    m.ImportMattes("j3", "t", "/alte Masken", 12, 10),
    m.MakeJob("j3", "t", "/Aufträge/a.job.json", 0, 10, "both", stability=0.5),
    m.TakeJob("j3", "t", "/Aufträge/a.job.json"),
    m.Checkout("j4", "t", ""),
    m.Undo("j5", "t"),
    m.GetState("j5", "t"),
    m.Expect("t", 7),
    m.Export("j6", "t", (0, -1, 4), "/out"),
    m.Export("j6", "t", (0,), "/out", edges=(({"grow": 1.5},),)),
    m.PreviewEdge("j6", "t", 4, "/tmp/1.png", {"grow": 1.5}, True, ({"frame": 4, "strokes": []},)),
    m.MoveTrack("j7", "t", "/new"),
    m.Cancel("j3"),
    m.Ping(),
    m.Shutdown(),
    m.Ready(1, "0.1.0", "cpu", "draft", 77),
    m.TrackState("j1", "t", "h", "p", (0, 4), ((0, 3), (4, 5)), 24, 120, 200, 25.0, ((0, 3, "h"), (4, 5, "p"))),
    m.TrackChange("j1", "t", 6, 7, "h", "p", 4, 6, (4,), ((4, 5, "h"),), ((4, 5),), "--80", (9, 3, 70)),
    m.MatteReady("j2", "t", 5, "C:\\Nutzer\\Änne/m/é.png"),
    m.Progress("j3", 1, 9, "propagating", -1.0),
    m.Warn("j1", "two\nlines"),
    m.Done("j1", "ok", {"count": 3, "folder": "x"}),
    m.Cancelled("j3", 4),
    m.Failed("j3", "StoreError", "text", "two\nlines"),
    m.Pong(),
]


@pytest.mark.parametrize("message", ALL, ids=lambda x: type(x).__name__)
def test_every_message_comes_back_as_it_was_on_one_line(message: m.Message) -> None:
    line = m.encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    again = m.decode(line)
    assert type(again) is type(message)
    if not isinstance(message, m.ApplyRound):
        assert again == message


def test_strokes_arrive_as_they_were_drawn() -> None:
    from blender_cutout.core.types import Stroke

    again = m.decode(m.encode(m.ApplyRound("j", "t", 5, (STROKE,), 2.0)))
    assert isinstance(again, m.ApplyRound)
    assert Stroke.from_json(again.strokes[0]) == Stroke.from_json(STROKE)


@pytest.mark.parametrize("kind", [m.Warn, m.Failed])
def test_frames_that_a_sentence_names_are_known_on_the_other_side(kind: type[m.Warn] | type[m.Failed]) -> None:
    sentence = FrameText("There is a cut at ", 8, ", so ", (8, 15), " got no mask.")
    sent = m.Warn("j", sentence) if kind is m.Warn else m.Failed("j", "InputError", sentence, FrameText("See ", 3, "."))
    line = m.encode(sent)
    assert json.loads(line)["text"] == "There is a cut at clip frame 8, so clip frames 8 to 15 got no mask."
    again = m.decode(line)
    assert isinstance(again, m.Warn | m.Failed)
    assert again == sent
    assert isinstance(again.text, FrameText)
    assert again.text.parts == ("There is a cut at ", (8, 8), ", so ", (8, 15), " got no mask.")
    if isinstance(again, m.Failed):
        assert isinstance(again.hint, FrameText)
        assert again.hint.with_names(lambda first, last: "the title") == "See the title."


def test_the_set_of_tested_messages_is_complete() -> None:
    assert {type(x).__name__ for x in ALL} == set(m._KINDS)


def test_an_unknown_field_is_ignored() -> None:
    record = {**json.loads(m.encode(m.Undo("j", "t"))), "colour": "red"}
    assert m.decode(json.dumps(record)) == m.Undo("j", "t")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"5",
        b"[]",
        b"{",
        b'{"v":1}',
        b'{"v":1,"kind":"Nothing"}',
        b'{"v":1,"kind":["Undo"]}',
        b'{"v":1,"kind":"Undo","job":"j"}',
        b'{"v":2,"kind":"Ping"}',
        b'{"kind":"Ping"}',
        b'{"v":1,"kind":"Warn","job":"j","text":"x","frame_texts":["text"]}',
        b'{"v":1,"kind":"Warn","job":"j","text":"x","frame_texts":{"text":[null]}}',
    ],
)
def test_anything_else_is_a_protocol_error_that_says_what_to_do(line: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        m.decode(line)
    assert "same version" in caught.value.hint


def test_a_state_tells_where_a_mask_lies() -> None:
    state = next(x for x in ALL if isinstance(x, m.TrackState))
    assert isinstance(state, m.TrackState)
    assert state.matte_file(2) == "mattes/h/000002.png"
    assert state.matte_file(4) == "mattes/p/000004.png"
    assert state.matte_file(3) is None


def test_the_options_of_a_propagation_go_by_name_alone() -> None:
    """Three values of similar types: by position, swapping two would go unnoticed."""
    for kind, tracks in ((m.Propagate, ("t",)), (m.PropagateGroup, (("t", "u"), ("T", "U")))):
        with pytest.raises(TypeError):
            kind("j", *tracks, 0, 9, "both", 0.5, False, 0.25)  # type: ignore[operator]
        sent = kind("j", *tracks, 0, 9, "both", stability=0.5, stop_at_cuts=False, stop_below=0.25)  # type: ignore[operator]
        assert m.decode(m.encode(sent)) == sent
    with pytest.raises(TypeError):
        PropagationOptions(False, 0.25, 0.5)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"v":1,"kind":"Hello","protocol":1,"tier":"auto","device":"cpu","cache_dir":"/x"}',
            m.Hello(1, "auto", "cpu"),
        ),
        (
            '{"v":1,"kind":"MatteReady","job":"j","track":"t","frame":5,"path":"/m.png","matte_kind":"drawn"}',
            m.MatteReady("j", "t", 5, "/m.png"),
        ),
    ],
)
def test_a_field_that_only_earlier_releases_sent_is_passed_over(line: str, message: m.Message) -> None:
    assert m.decode(line) == message
