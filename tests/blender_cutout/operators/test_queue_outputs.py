"""Tests what queued shots make besides masks, in Blender: refined edges, the object alone, composites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
import queue_kit
from queue_kit import Project, drawn, panel, run_cutout, states

pytestmark = pytest.mark.bpy
processes = queue_kit.processes


def test_a_job_also_makes_the_edges_the_object_and_the_composite_that_were_chosen(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.tasks.shot_queue import shots

    scene, track = drawn(project)
    scene.cutout.queue_edges, scene.cutout.queue_export = True, "PNG"
    scene.cutout.queue_composite, scene.cutout.background_colour = "PNG", (0.0, 0.6, 0.0)
    track.edge.detail, track.edge.decontaminate, track.edge.feather = 0.0, 0.0, 4.0
    assert blender.ops.cutout.send_to_queue() == {"FINISHED"}
    track.edge.feather = 0.0
    assert blender.ops.cutout.run_queue() == {"FINISHED"}
    assert states() == ["done"], shots.entries
    assert track.done_count == track.frame_count
    (results,) = (tmp_path / "cutouts").iterdir()
    masks, clip = (
        shots.folder / f"{shots.entries[0].name.removesuffix('.job.json')}-masks",
        tmp_path / "Bilder für ’n Film",
    )
    plain = ("--edge-detail", 0, "--edge-decontaminate", 0)
    run_cutout("edges", clip, "--masks", masks, *plain, "--edge-feather", 4, "-o", tmp_path / "a")
    run_cutout("composite", clip, "--masks", tmp_path / "a", "--rgba", "-o", tmp_path / "o")
    run_cutout("composite", clip, "--masks", tmp_path / "a", "--background", "#009900", "-o", tmp_path / "c")
    for name, folder in (("edges", "a"), ("cutout", "o"), ("composite", "c")):
        found = {path.name: path.read_bytes() for path in (results / name).glob("*.png")}
        assert len(found) == kit.LENGTH, name
        assert found == {path.name: path.read_bytes() for path in (tmp_path / folder).glob("*.png")}, name


def test_keyed_edges_go_along_with_a_job(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, track = drawn(project)
    scene.cutout.queue_edges = True
    track.edge.detail = track.edge.decontaminate = 0.0
    for frame, feather in ((1, 0.0), (kit.LENGTH, 8.0)):
        track.edge.feather = feather
        track.edge.keyframe_insert("feather", frame=frame)
    assert blender.ops.cutout.export_job(filepath=str(tmp_path / "weit weg.job.json")) == {"FINISHED"}
    run_cutout("job", "run", tmp_path / "weit weg.job.json")
    alpha, masks = tmp_path / "cutouts" / "weit weg" / "edges", tmp_path / "weit weg-masks"
    soft = [
        int(((picture > 0.02) & (picture < 0.98)).sum())
        for picture in (kit.load_picture(blender, path)[..., 0] for path in sorted(alpha.glob("*.png")))
    ]
    assert len(soft) == len(list(masks.glob("*.png"))) == kit.LENGTH
    assert soft[0] < soft[kit.LENGTH // 2] < soft[-1]


def test_a_shot_over_a_missing_background_is_not_sent(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = drawn(project)
    scene.cutout.queue_composite, scene.cutout.queue_behind = "H264", "FILE"
    with pytest.raises(RuntimeError, match="No file is chosen for the background"):
        blender.ops.cutout.send_to_queue()
    assert "queue_background" in panel()
    assert states() == []
    scene.cutout.queue_background = str(tmp_path / "Strand.png")
    kit.write_png(tmp_path / "Strand.png", kit.picture(0))
    assert blender.ops.cutout.send_to_queue() == {"FINISHED"}
    (tmp_path / "Strand.png").unlink()
    blender.ops.cutout.run_queue()
    assert states() == ["failed"]
    assert "Strand.png" in panel()


def test_results_need_a_folder(blender: Any, project: Project) -> None:
    scene, _ = project(saved=False)
    for step in ("new", "apply_strokes"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    scene.cutout.queue_export = "PRORES"
    with pytest.raises(RuntimeError, match="The file has no folder yet"):
        blender.ops.cutout.send_to_queue()
