"""Tests the gain of a new keyframe, for each way of fusing, on a clip with known masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from clip_kit import written_clip

from blender_cutout.commands.studies import corrections as corrections_module
from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip, iou
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.evaluate import corrections
from blender_cutout.evaluate.data import Sequence

SETTINGS = PropagationSettings(working_px=128, memory_every=3, budget=6)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Sequence:
    return written_clip(tmp_path_factory.mktemp("data"), 12)


@pytest.fixture(scope="module")
def records(video: Sequence) -> list[dict]:
    net = FakePropagationNet()
    out: list[dict] = []
    for fault in corrections.FAULTS:
        out += corrections.measure_correction(net, video, [6, 30], fault, SETTINGS)
    return out


def test_each_case_has_a_record_and_a_keyframe_beyond_the_clip_is_its_last_but_one(records: list[dict]) -> None:
    assert [(r["fault"], r["keyframe"], r["at"]) for r in records] == [
        (fault, asked, at) for fault in corrections.FAULTS for asked, at in ((6, 6), (30, 10))
    ]


def test_scores_lie_between_nothing_and_the_best_choice(records: list[dict]) -> None:
    for record in records:
        for way in corrections.WAYS:
            j, f = record[way]
            assert 0 <= j <= record["limit"][0] + 1e-6
            assert 0 <= f <= 1


def test_the_new_mask_alone_finds_the_disc_after_a_run_that_went_wrong_by_itself(records: list[dict]) -> None:
    assert all(r["new"][0] > 0.9 for r in records if r["fault"] == "drift")


def test_a_broken_mask_lacks_a_third_and_takes_something_along() -> None:
    truth = SyntheticClip().matte(5) > 0.5
    wrong = corrections.broken(truth) > 0.5
    assert 0.5 < (wrong & truth).sum() / truth.sum() < 0.8
    assert (wrong & ~truth).any()
    assert 0.2 < iou(wrong, truth) < 0.8


def test_the_second_run_through_a_recorded_network_costs_nothing_and_gives_the_same() -> None:
    clip, net = SyntheticClip(), FakePropagationNet()
    recorded = corrections.Recorded(net)
    key = recorded.encode_key(clip[0])
    first = recorded.attention(key, key, clip.mattes(0))
    counts = dict(net.counts)
    recorded.rewind()
    again = recorded.attention(recorded.encode_key(clip[0]), key, clip.mattes(0))
    np.testing.assert_array_equal(first, again)
    recorded.rewind(carried=0.0)
    recorded.encode_key(clip[0])
    assert not recorded.attention(key, key, clip.mattes(0)).any()
    assert net.counts == counts


def test_the_table_of_kept_records_has_a_line_for_each_group(
    records: list[dict], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "records.jsonl"
    kept.write_text("\n".join(json.dumps(r) for r in records))
    assert corrections_module.main(["--table", str(kept)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 4 + 1
    assert all(way in lines[0] for way in corrections.WAYS)
    assert lines[-1].startswith("mean (4)")


def test_the_mean_over_clips_has_an_interval_below(
    records: list[dict], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = [r | {"clip": "worse", "change": (r["change"][0] - 0.2, r["change"][1] - 0.1)} for r in records]
    kept = tmp_path / "records.jsonl"
    kept.write_text("\n".join(json.dumps(r) for r in records + worse))
    assert corrections_module.main(["--table", str(kept)]) == 0
    head, *_, mean, low, high = capsys.readouterr().out.splitlines()
    column = head.replace(" J", "").split().index("change")
    js = [float(line.split()[column]) for line in (mean.split(")")[1], low.split("from")[1], high.split("to")[1])]
    assert js[1] == pytest.approx(js[0] - 0.1, abs=0.002)
    assert js[2] == pytest.approx(js[0] + 0.1, abs=0.002)
