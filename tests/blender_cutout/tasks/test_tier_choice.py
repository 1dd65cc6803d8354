"""Tests the tier in Blender: chosen in a list, or stepped; stored in the preferences, sent to the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy


@pytest.fixture
def chosen(blender: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The add-on's preferences, as if it were enabled."""
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "Heim"))
    addon = blender.context.preferences.addons.new()
    addon.module = "blender_cutout"
    yield addon.preferences
    blender.context.preferences.addons.remove(addon)


def names() -> list[str]:
    from blender_cutout.core.tiers.table import TIERS

    return list(TIERS)


def drawn() -> str:
    from blender_cutout.tasks import upkeep
    from blender_cutout.ui import widgets

    upkeep.keeper.see()
    paper = Paper()
    widgets.draw_tier(paper)
    return "\n".join(paper.notes)


def test_faster_and_finer_go_through_the_whole_ladder_and_stop_at_its_ends(blender: Any, chosen: Any) -> None:
    fastest, *_, finest = names()
    chosen.tier = fastest
    steps = [fastest]
    while chosen.tier != finest:
        assert blender.ops.cutout.step_tier(finer=True) == {"FINISHED"}
        steps.append(chosen.tier)
    assert steps == names()
    with pytest.raises(RuntimeError, match="no finer tier"):
        blender.ops.cutout.step_tier(finer=True)
    while chosen.tier != fastest:
        blender.ops.cutout.step_tier(finer=False)
    with pytest.raises(RuntimeError, match="no faster tier"):
        blender.ops.cutout.step_tier(finer=False)
    assert blender.context.preferences.is_dirty, "Blender saves it"


def test_the_list_offers_auto_and_every_tier_with_quality_and_time(blender: Any, chosen: Any) -> None:
    from blender_cutout.core.tiers.table import TIERS

    items = blender.ops.cutout.choose_tier.get_rna_type().properties["tier"].enum_items
    assert [item.identifier for item in items] == ["auto", *TIERS]
    for item in list(items)[1:]:
        measured = TIERS[item.identifier].measured
        assert f"Accuracy {100 * measured.j_and_f:.1f} of 100" in item.description
        assert "EPYC" not in item.description
        assert "s per frame" in item.description
        assert not item.description.endswith(".")


def test_the_choice_is_reported_with_what_it_means_for_existing_masks(blender: Any, chosen: Any) -> None:
    *_, finest = names()
    assert blender.ops.cutout.choose_tier(tier=finest) == {"FINISHED"}
    assert chosen.tier == finest
    status = blender.context.window_manager.cutout
    assert finest in status.text.lower()
    assert "stay until they are propagated again" in status.hint


def test_the_measured_choice_is_shown_for_auto(blender: Any, chosen: Any) -> None:
    from blender_cutout.environment import tier_record
    from blender_cutout.environment.installer import SetupProgress
    from blender_cutout.tasks import tier_choice
    from blender_cutout.tasks.engine_setup import setup
    from blender_cutout.ui import engine_box, setup_view

    *_, below, finest = names()
    assert "Standard (auto)" in drawn()
    tier_record.keep(tier_record.Fitted(finest, 0.12, "cpu", tier_record.this_machine("torch")))
    assert f"{tier_choice.title(finest)} (auto)" in drawn()
    setup.look()
    now = setup_view.Situation("python", tier=engine_box.situation().tier)
    lines = [line.text for line in setup_view.view(SetupProgress(), now).lines]
    assert f"Tier: {finest} (0.12 s per frame; auto)" in lines
    blender.ops.cutout.step_tier(finer=False)
    assert chosen.tier == below, "one step from what auto is here"
    assert tier_choice.title(below) in drawn()


@pytest.mark.parametrize(
    ("text", "tier"),
    [("fine", "fine"), (" Draft ", "draft"), (" Swift ", "standard"), ("", "auto"), ("ultra", "auto")],
)
def test_free_text_of_earlier_preferences_keeps_working(blender: Any, chosen: Any, text: str, tier: str) -> None:
    from blender_cutout.scene import preference_values
    from blender_cutout.ui import preferences

    chosen.tier = text
    assert preference_values.current().tier == tier
    paper = Paper()
    preferences._draw_tier(chosen, paper)
    assert ("This release has no tier 'ultra'" in "\n".join(paper.notes)) == (text == "ultra")
    blender.ops.cutout.choose_tier(tier="draft")
    assert chosen.tier == "draft"


def test_a_running_engine_changes_at_once_and_the_masks_stay(
    project: Callable[..., tuple[Any, Any]], blender: Any, chosen: Any
) -> None:
    from blender_cutout.tasks import jobs

    scene, _ = project()
    assert blender.ops.cutout.new() == {"FINISHED"}
    assert blender.ops.cutout.apply_strokes() == {"FINISHED"}
    assert blender.ops.cutout.propagate() == {"FINISHED"}
    track = scene.cutout.tracks[0]
    before, done, client = track.mattes, track.done_count, jobs.queue.client
    assert done == 12
    *_, finest = names()
    blender.ops.cutout.choose_tier(tier=finest)
    assert blender.ops.cutout.lock_frames(span="FRAME", lock=True) == {"FINISHED"}
    assert jobs.queue.client is client, "no other process was started"
    assert blender.context.window_manager.cutout.tier == finest
    assert (track.mattes, track.done_count) == (before, done)
    blender.ops.cutout.undo_round()
    assert blender.ops.cutout.propagate() == {"FINISHED"}
    assert track.mattes != before, "made again with the other tier"
    assert track.done_count == done


def test_it_cannot_be_changed_while_the_engine_works(blender: Any, chosen: Any) -> None:
    blender.context.window_manager.cutout.busy = True
    assert not blender.ops.cutout.choose_tier.poll()
    assert not blender.ops.cutout.step_tier.poll()
    blender.context.window_manager.cutout.busy = False
    assert blender.ops.cutout.choose_tier.poll()


def test_the_buttons_say_where_they_lead(blender: Any, chosen: Any) -> None:
    from types import SimpleNamespace

    from blender_cutout.operators.tiers import CUTOUT_OT_step_tier

    chosen.tier = names()[0]
    finer, faster = (
        CUTOUT_OT_step_tier.description(blender.context, SimpleNamespace(finer=finer)) for finer in (True, False)
    )
    assert names()[1].capitalize() in finer
    assert "Accuracy" in finer
    assert "no faster" in faster


def test_with_no_job_open_the_window_still_learns_that_the_new_tier_is_loaded(blender: Any, chosen: Any) -> None:
    from blender_cutout.tasks import jobs

    fastest, *_, finest = names()
    chosen.tier = finest
    jobs.queue.ensure_engine()
    play_timer()
    status = blender.context.window_manager.cutout
    before = status.tier
    blender.ops.cutout.choose_tier(tier=fastest)
    play_timer()
    assert (before, status.tier) == (finest, fastest)


def test_nothing_waits_for_networks_that_cannot_be_loaded(
    blender: Any, chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy_kit as kit

    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--no-weights"))
    jobs.queue.ensure_engine()
    play_timer()
    status = blender.context.window_manager.cutout
    assert (status.level, status.tier) == ("WARNING", ""), status.text


def play_timer() -> None:
    """Does what the window's timer does, for at most 60 seconds; without a window no timer runs."""
    from blender_cutout.tasks import jobs

    end = time.monotonic() + 60
    while (pause := jobs._tick()) is not None:
        assert time.monotonic() < end, "the timer does not end"
        time.sleep(pause)
