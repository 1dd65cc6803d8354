"""Tests `cutout edges` and the edge options of `cutout composite`, by pixels on disk."""

from __future__ import annotations

from pathlib import Path

import cli_kit
import cv2
import numpy as np
import pytest
from cli_kit import Run, records

from blender_cutout.core.edges.settings import EdgePlan, EdgeSettings
from blender_cutout.core.engine import Engine
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.propagation.steady_edges import SteadyEdges
from blender_cutout.core.session.edge_record import save_edges

engine, folder, run = cli_kit.engine, cli_kit.folder, cli_kit.run


def test_edges_are_written_in_16_bits_with_clean_colours(
    run: Run, folder: Path, clip: SyntheticClip, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "--range", "0:3", "-o", "masks") == 0
    capsys.readouterr()
    assert run("edges", folder, "--masks", "masks", "--foreground", "--edge-feather", 3, "-o", "alpha", "--json") == 0
    assert [r["frame"] for r in records(capsys) if r["event"] == "frame"] == [0, 1, 2]

    def alone(frame: int, edge: EdgeSettings) -> np.ndarray | None:
        path = Path("masks") / f"{frame:06d}.png"
        return engine.refine_edge(clip[frame], read_mask(path), edge)[0] if path.exists() else None

    steady = SteadyEdges(clip, alone)
    for frame in range(3):
        alpha = cv2.imread(str(Path("alpha") / f"{frame:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert alpha.dtype == np.uint16
        assert (alpha % 257 != 0).any(), "more than 8 bits"
        matte = steady.at(frame, EdgeSettings(feather=3))
        colours = engine.refine_edge(clip[frame], matte, EdgeSettings(detail=0, decontaminate=1))[1]
        assert np.abs(alpha / 65535 - matte).max() < 1e-4
        written = cv2.imread(str(Path("alpha") / "foreground" / f"{frame:06d}.png"))[..., ::-1]
        assert np.array_equal(written, colours)
        assert not np.array_equal(written, clip[frame])
    assert run("edges", folder, "--masks", "masks", "-o", "masks") == 2
    assert "the folder of the masks" in capsys.readouterr().err


def test_a_composite_takes_the_edges_flags_and_is_the_same_without(run: Run, folder: Path, clip: SyntheticClip) -> None:
    Path("masks").mkdir()
    write_mask(Path("masks") / "000000.png", cv2.GaussianBlur(clip.matte(0), (0, 0), 2))
    common = ("composite", folder, "--masks", "masks", "--range", "0:1", "--background", "green")
    assert run(*common, "-o", "plain") == 0
    assert run(*common, "--edge-grow", 2, "--edge-shrink", 2, "-o", "same") == 0
    assert run(*common, "--edge-decontaminate", 1, "-o", "clean") == 0
    plain, same, clean = (
        cv2.imread(str(Path(f) / "000000.png"))[..., ::-1].astype(int) for f in ("plain", "same", "clean")
    )
    matte = read_mask(Path("masks") / "000000.png")
    mix = np.rint(matte[..., None] * clip[0] + (1 - matte[..., None]) * np.array((0, 255, 0)))
    assert np.abs(plain - mix).max() <= 1
    assert np.array_equal(plain, same)
    half = (matte > 0.2) & (matte < 0.8)
    assert np.abs(clean - plain)[half].mean() > 2
    assert np.array_equal(clean[matte == 1], plain[matte == 1])


def test_the_settings_of_a_cutouts_folder_are_used_and_given_ones_replace_them(
    run: Run, folder: Path, clip: SyntheticClip, capsys: pytest.CaptureFixture[str]
) -> None:
    def pictures(command: str, output: str, *options: object) -> list[bytes]:
        more = ("--background", "green") if command == "composite" else ()
        given = (command, folder, "--masks", "masks", "--range", "0:2", *more, *options, "-o", output)
        assert run(*given) == 0, capsys.readouterr().err
        return [path.read_bytes() for path in sorted(Path(output).glob("*.png"))]

    Path("masks").mkdir()
    for frame in range(2):
        write_mask(Path("masks") / f"{frame:06d}.png", cv2.GaussianBlur(clip.matte(frame), (0, 0), 2))
    session = Path("cutout")
    session.mkdir()
    edge = EdgeSettings(detail=0.0, grow=3.0, feather=2.0)
    save_edges(session, range(2), EdgePlan((edge,)))
    named = ("--edge-detail", 0, "--edge-grow", 3, "--edge-feather", 2, "--edge-decontaminate", 1)
    for command in ("edges", "composite"):
        own = pictures(command, f"{command}-own", "--session", session)
        assert own == pictures(command, f"{command}-named", *named)
        assert own != pictures(command, f"{command}-replaced", "--session", session, "--edge-grow", 0)
    keyed = (edge, EdgeSettings(detail=0.0, grow=-3.0))
    save_edges(session, range(2), EdgePlan(keyed))
    by_frame = pictures("edges", "keyed", "--session", session)
    assert by_frame[0] == pictures("edges", "first", *named)[0]
    assert by_frame[1] == pictures("edges", "second", "--edge-detail", 0, "--edge-grow", -3)[1]
    assert (
        run("composite", folder, "--masks", "masks", "--range", "0:2", "--rgba", "--session", session, "-o", "no") == 2
    )
    assert "Run `cutout edges`" in capsys.readouterr().err
