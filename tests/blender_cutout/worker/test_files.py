"""Tests importing masks and exporting films through the engine; two hosts on one track; old folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from job_kit import colour_engine

from blender_cutout.cli import main
from blender_cutout.core import messages as m
from blender_cutout.core.clips.movie import MovieWithAlpha
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.images.matte import read_mask

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)


def masks(folder: Path) -> Path:
    folder.mkdir()
    for frame in range(len(FILM)):
        cv2.imwrite(str(folder / f"{frame}.png"), (FILM.matte(frame) * 255).astype(np.uint8))
    return folder


def film_with_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("ffv1", rate=25)
        video.height, video.width = FILM.size
        video.pix_fmt = "bgr0"
        audio: Any = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        for frame in range(len(FILM)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(FILM[frame], format="rgb24")))
            wave = np.full((1, 1920), 1000 + frame, np.int16)
            sound: Any = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
            sound.sample_rate, sound.pts = 48000, frame * 1920
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def test_masks_become_keyframes_and_a_propagation_starts_from_them(host: Any, tmp_path: Path) -> None:
    host.open()
    done = host.ask(m.ImportMattes, "track", str(masks(tmp_path / "masks")), -1, 5)
    assert isinstance(done, m.Done)
    assert done.summary == "4 masks imported as keyframes."
    assert host.state().keyframes == (0, 5, 10, 15)
    assert isinstance(host.ask(m.Propagate, "track", 0, len(FILM), "both"), m.Done)
    state = host.state()
    assert state.done == ((0, len(FILM)),)
    file = state.matte_file(10)
    assert file
    assert np.array_equal(read_mask(host.folder / "track" / file), FILM.matte(10))
    assert state.disk[0] > 0


def test_what_cannot_be_imported_fails_with_text_and_hint(host: Any, tmp_path: Path) -> None:
    host.open()
    failed = host.ask(m.ImportMattes, "track", str(tmp_path / "none"), -1, 1)
    assert isinstance(failed, m.Failed)
    assert (failed.code, "do not exist" in failed.text, bool(failed.hint)) == ("InputError", True, True)
    assert host.state().keyframes == ()


def test_a_film_is_exported_with_its_alpha_and_the_clips_sound(make_host: Callable[..., Any], tmp_path: Path) -> None:
    host = make_host()
    host.media = film_with_sound(tmp_path / "Aufnahme é.mkv")
    host.open()
    host.end(host.draw(3))
    host.ask(m.Propagate, "track", 0, len(FILM), "both")
    target = tmp_path / "aus" / "film.mov"
    done = host.ask(m.Export, "track", tuple(range(4, 12)), str(target), (), "film")
    assert isinstance(done, m.Done)
    assert done.result["missing"] == 0
    assert "copied as it is" in done.summary
    with MovieWithAlpha(target) as movie:
        assert len(movie) == 8
        for n in range(8):
            assert ((movie[n][..., 3] > 127) == (FILM.matte(n + 4) > 0.5)).mean() > 0.99
    with av.open(str(target)) as container:
        sound = np.concatenate([f.to_ndarray().reshape(-1) for f in container.decode(audio=0)])
    assert (sound[0], sound[-1], len(sound)) == (1004, 1011, 8 * 1920)


def test_a_second_host_learns_who_has_the_track_and_gets_it_afterwards(make_host: Callable[..., Any]) -> None:
    first, second = make_host(), make_host()
    first.open()
    first.end(first.draw(3))
    head = first.state().head
    failed = second.ask(m.OpenTrack, "track", str(second.media), (), str(second.folder / "track"))
    assert isinstance(failed, m.Failed)
    assert failed.code == "StoreError"
    assert f"in use by process {first.client.pid}" in failed.text
    assert "Close the other Blender" in failed.hint
    assert isinstance(first.end(first.draw(5)), m.Done), "the first one goes on undisturbed"
    first.client.close()
    state = second.open()
    assert state.parent == head
    assert state.keyframes == (3, 5)


def test_a_folder_of_the_first_version_is_read_and_goes_on(make_host: Callable[..., Any]) -> None:
    host = make_host()
    host.open()
    host.end(host.draw(3))
    host.client.close()
    record = host.folder / "track" / "session.json"
    old = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**old, "version": 1}), encoding="utf-8")
    again = make_host()
    assert again.open().keyframes == (3,)
    assert json.loads(record.read_text(encoding="utf-8"))["version"] == old["version"] > 1
    assert not [e for e in again.events if isinstance(e, m.Warn)]


def test_what_does_not_fit_on_the_disk_is_said_before_a_propagation(host: Any) -> None:
    job = host.send(m.OpenTrack, "track", str(host.media), (), str(host.folder / "track"), 3 * 4096)
    host.end(job)
    host.end(host.draw(3))
    job = host.send(m.Propagate, "track", 0, len(FILM), "both")
    assert isinstance(host.end(job), m.Done)
    (warning,) = host.of(job, m.Warn)
    assert "more than the limit of 12 KB" in warning.text
    assert host.state().done == ((0, len(FILM)),), "what is shown is kept all the same"


def test_a_job_is_made_of_an_open_cutout_and_its_masks_are_taken_when_it_is_done(host: Any, tmp_path: Path) -> None:
    host.open()
    host.ask(m.ImportMattes, "track", str(masks(tmp_path / "masks")), -1, 8)
    path = tmp_path / "Aufträge" / "1 Läufer.job.json"
    made = host.ask(m.MakeJob, "track", str(path), 0, len(FILM), "both", stability=1.0)
    assert isinstance(made, m.Done), made
    early = host.ask(m.TakeJob, "track", str(path))
    assert isinstance(early, m.Failed)
    assert "is not finished" in early.text
    drawn = host.state().head
    engine = colour_engine(json.loads(path.read_text("utf-8"))["weights"])
    assert main(["job", "run", str(path)], load=lambda tier, device: engine) == 0
    taken = host.ask(m.TakeJob, "track", str(path))
    assert isinstance(taken, m.Done), taken
    state = host.state()
    assert state.done == ((0, len(FILM)),)
    job_masks = path.with_name("1 Läufer-masks")
    for frame in (3, 11):
        file = state.matte_file(frame)
        assert np.array_equal(read_mask(host.folder / "track" / file), read_mask(job_masks / f"{frame:06d}.png"))
    host.ask(m.Undo, "track")
    assert host.state().head == drawn
    again = host.ask(m.MakeJob, "track", str(path), 0, len(FILM), "both")
    assert isinstance(again, m.Failed)
    assert "exists" in again.text
