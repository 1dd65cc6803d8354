"""Measures an engine on a plan: collects and reports scores, and writes contact sheets."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.clips.opening import open_clip
from ..core.errors import InputError
from ..core.export import output_files
from ..core.images.matte import to_png
from . import report as tables
from . import scores as means
from .compare import Results, name_of
from .hidden import LENGTH, Hidden
from .measure import first_frames, measure_clip, measure_guess, measure_strokes, measure_walk
from .scores import ClipScore, GuessScore, Score
from .selection import FIRST_FRAMES, HIDDEN, PICTURES, SLIPS, STROKES, VIDEO, Plan
from .sheet import Worst
from .slips import measure_slips
from .walks import Walk

if TYPE_CHECKING:
    from ..commands.context import Reporter
    from ..core.engine import Engine
    from .data import Sequence as Video
    from .data import Still
    from .peers import OutsideNet

_Score = TypeVar("_Score", bound=Score)


class Run:
    """Measures an engine on a plan.

    Args:
        engine: the engine to measure, or another build's (`build.BuildEngine`), which makes no slips.
        plan: what to measure.
        report: receives scores and tables.
        folder: for contact sheets, scores and masks; None = nothing is written.
        stability: see `Engine.propagate`.
        slips: whether the engine can make tracks.

    Attributes:
        scores: measure -> scores.
        summaries: measure -> means.
        skipped: a line for each clip or picture that could not be measured.
    """

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        report: Reporter,
        folder: Path | None = None,
        stability: float = 1.0,
        slips: bool = True,
    ) -> None:
        self.scores: dict[str, list[Any]] = {}
        self.summaries: dict[str, Any] = {}
        self.skipped: list[str] = []
        self._engine, self._plan, self._report = engine, plan, report
        self._folder, self._stability, self._slips = folder, stability, slips
        self._worst = Worst(limit=12)

    def measure(self, other: OutsideNet | None = None) -> None:
        """Measures everything in the plan; `other` is a network whose foreground is measured alongside the engine's."""
        plan, data = self._plan, self._plan.data
        if "video" in plan.kinds and data.sequences:
            clips = self._clips(VIDEO, data.sequences, self._propagated)
            self._finish(VIDEO, means.clip_summary, tables.clip_table, clips)
        if "hidden" in plan.kinds and plan.hidden:
            clips = self._clips(HIDDEN, plan.hidden, self._hidden)
            self._finish(HIDDEN, means.clip_summary, lambda s: tables.clip_table(s, "behind a board"), clips)
        if "stills" in plan.kinds and data.stills:
            name = plan.robot.name
            strokes = self._pictures(STROKES, data.stills, lambda e, s, w: measure_strokes(e, s, w, plan.robot))
            self._finish(STROKES, means.stroke_summary, lambda s: tables.stroke_table(s, name), strokes)
        if "foreground" in plan.kinds:
            for kind, pictures in ((PICTURES, data.stills), (FIRST_FRAMES, first_frames(data.sequences))):
                if pictures:
                    self._guesses(kind, pictures, other)
        if "slips" in plan.kinds and data.stills and self._slips:
            slips = self._pictures(SLIPS, data.stills, measure_slips)
            self._finish(SLIPS, means.slip_summary, tables.slip_table, slips)

    def results(self, name: str = "", **about: Any) -> Results:
        """Returns the results, for `compare`; `name` overrides that of the engine."""
        units = {kind: means.units(found) for kind, found in self.scores.items()}
        identity = {kind: each for kind, each in self._plan.identity.items() if kind in units}
        about |= {"device": self._engine.device, "weights": self._engine.weights_id, "summary": self.summaries}
        return Results(name or name_of(self._engine), identity, units, about)

    def write_scores(self) -> None:
        """Writes scores.json into the folder."""
        if self._folder:
            record = {
                "tier": self._engine.tier,
                "device": self._engine.device,
                "weights": self._engine.weights_id,
                "summary": self.summaries,
                "details": {kind: [asdict(score) for score in found] for kind, found in self.scores.items()},
                "skipped": self.skipped,
            }
            output_files.write_bytes(self._folder / "scores.json", json.dumps(record, indent=1).encode())

    def _clips(self, kind: str, clips: Sequence[Video], measure: Callable[[Video], list[ClipScore]]) -> list[ClipScore]:
        self._worst = Worst(limit=12, each=2)
        results: list[ClipScore] = []
        for sequence in self._report.progress(clips, len(clips), kind, "clip"):
            try:
                found = measure(sequence)
            except InputError as error:
                self._skip(f"The clip {sequence.name} is skipped: {error.text}")
                continue
            for score in found:
                self._report_score(kind, score)
            results += found
        return results

    def _propagated(self, sequence: Video) -> list[ClipScore]:
        """Scores all walks through a clip; writes the masks of the first one."""
        found = []
        for number, walk in enumerate(self._plan.walks_of(sequence)):
            keep = None
            if self._folder and number == 0:
                place = self._folder / "masks" / sequence.name
                output_files.prepare_folder(place)
                names = [Path(name).stem for name in sequence.clip.files]

                def keep(frame: int, matte: Any, place: Path = place, names: list[str] = names) -> None:
                    output_files.write_bytes(place / f"{names[frame]}.png", to_png(matte))

            found.append(measure_clip(self._engine, sequence, self._worst, keep, walk, self._stability))
        return found

    def _hidden(self, sequence: Video) -> list[ClipScore]:
        """Scores a clip with a board moving through it."""
        with open_clip(sequence.clip, strict=True) as frames:
            clip = Hidden(sequence, frames)
            walk = Walk(0, 0, LENGTH)
            score = measure_walk(
                self._engine, clip, clip.truth, self._worst, walk, name=sequence.name, stability=self._stability
            )
        return [score]

    def _pictures(
        self, kind: str, stills: Sequence[Still], measure: Callable[[Any, Still, Worst], Sequence[_Score]]
    ) -> list[_Score]:
        """Scores all pictures that have usable masks."""
        self._worst = Worst(limit=12, each=1)
        results: list[_Score] = []
        for still in self._report.progress(stills, len(stills), kind, "picture"):
            try:
                found = measure(self._engine, still, self._worst)
            except InputError as error:
                self._skip(f"The picture {still.name} is skipped: {error.text}")
                continue
            for score in found:
                results.append(score)
                self._report_score(kind, score)
        return results

    def _guesses(self, kind: str, stills: Sequence[Still], other: OutsideNet | None) -> None:
        """Scores the first guesses of pictures and those of a third-party network."""
        theirs: list[GuessScore] = []
        if other is not None:
            theirs = self._pictures(f"{kind}, {other.name}", stills, lambda _, *rest: measure_guess(other, *rest))
        ours = self._pictures(kind, stills, measure_guess)
        pair = (other.name, theirs) if other is not None and theirs else None
        what = kind.removeprefix("foreground of ")
        self._finish(kind, means.guess_summary, lambda s: tables.guess_table(s, what, pair), ours)
        if pair and kind in self.summaries:
            self.summaries[kind]["against"] = {"name": pair[0], **means.guess_summary(theirs)}

    def _finish(
        self,
        kind: str,
        summary: Callable[[Sequence[Any]], dict[str, Any]],
        table: Callable[[Sequence[Any]], str],
        found: Sequence[Any],
    ) -> None:
        """Prints a table and writes the contact sheet, if anything was measured."""
        if not found:
            return
        self.scores[kind] = list(found)
        self.summaries[kind] = summary(found)
        self._report.event("summary", kind=kind, **self.summaries[kind])
        self._report.say(table(found) + "\n")
        picture = self._worst.sheet()
        if self._folder and picture is not None:
            import cv2

            _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            path = self._folder / f"worst {kind}.png".replace(" ", "-")
            output_files.write_bytes(path, png.tobytes())
            self._report.event("sheet", path=str(path))

    def _skip(self, text: str) -> None:
        if text not in self.skipped:
            self.skipped.append(text)
            self._report.event("skipped", text=text)
            self._report.complain(text)

    def _report_score(self, kind: str, score: Score) -> None:
        self._report.event("score", kind=kind, **asdict(score))
