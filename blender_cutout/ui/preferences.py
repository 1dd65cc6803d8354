"""The add-on's preferences: which engine, on which device."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ..core.errors import EnvironmentMissing
from ..core.tiers import AUTO, TIERS
from ..host import storage
from ..scene import settings
from . import widgets

if TYPE_CHECKING:
    from .setup_view import Situation

_PYTHON = StringProperty(
    name="Use Existing Python",
    description="Program of a Python that has the engine's libraries. Empty = the one that Set Up Engine makes",
    subtype="FILE_PATH",
)
_WHEELS = StringProperty(
    name="Folder of Wheels",
    description="Set up from the .whl files in this folder and download nothing. Empty = download",
    subtype="DIR_PATH",
)
# A text, not a list: in a list Blender keeps the number of the item, and another release may have other tiers between.
_TIER = StringProperty(
    name="Tier",
    description='Name of a quality level, as listed by "cutout tiers"; auto = fits this machine',
    default="auto",
)
_DEVICE = EnumProperty(
    name="Device",
    description="What the networks run on",
    items=(
        ("auto", "Automatic", "The fastest there is"),
        ("cpu", "CPU", "The processor"),
        ("cuda", "CUDA", "A graphics card by NVIDIA, or by AMD with ROCm"),
        ("mps", "Metal", "An Apple graphics processor"),
    ),
)
_LIMIT = FloatProperty(
    name="Disk for Each Cutout (GB)",
    description=(
        "What the masks of one cutout may take. When it is more, masks that nothing shows any more are removed, the "
        "oldest first; never strokes, imported masks, or what is shown now or after an undo. 0 = no limit"
    ),
    default=10.0,
    min=0.0,
    soft_max=1000.0,
    precision=1,
)


class CutoutPreferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = storage.PACKAGE

    engine_python: _PYTHON
    wheels: _WHEELS
    tier: _TIER
    device: _DEVICE
    mask_limit: _LIMIT

    def draw(self, context: Any) -> None:
        """Draws them: the engine first, without which nothing works."""
        _draw_engine(context, self.layout.box().column())
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "engine_python")
        row = column.row()
        row.active = not self.engine_python
        row.prop(self, "wheels")
        _draw_tier(self, column)
        column.prop(self, "device")
        column.prop(self, "mask_limit")
        column.label(text="Changes count from the engine's next start (Restart Engine); that of the tier at once.")


def situation() -> "Situation":
    """How things stand with the engine; looks at a few files and starts nothing."""
    from ..environment.tier_record import described
    from ..environment.venv import worker_python  # these here, not above: Blender's start is not to pay for them
    from .setup_view import Situation

    chosen = settings.current()
    tier = described(chosen.tier, chosen.device)
    now = Situation("", "", bool(chosen.engine_python), bpy.app.online_access, chosen.wheels, tier)
    try:
        return replace(now, python=str(worker_python(chosen.engine_python or None)))
    except EnvironmentMissing as error:
        return replace(now, missing=error.text)


def _draw_tier(chosen: Any, column: Any) -> None:
    """The choice, and what it means."""
    from ..tasks import tier_choice  # it needs `jobs`, which needs this module

    split = column.split(factor=0.4)
    label = split.row()
    label.alignment = "RIGHT"
    label.label(text="Tier")
    widgets.draw_tier(split)
    wanted = chosen.tier.strip()
    if wanted and wanted.lower() not in (AUTO, *TIERS):
        column.label(text=f"There is no tier {wanted!r} in this release: the automatic one is taken.", icon="INFO")
    column.label(text=tier_choice.explained(TIERS[tier_choice.shown()]))
    column.label(text=tier_choice.KEPT)


def _draw_engine(context: Any, column: Any) -> None:
    """What there is of the engine, and the buttons to make it."""
    from ..tasks.engine_setup import setup  # it needs `jobs`, which needs this module
    from . import setup_view

    shown = setup_view.view(setup.installer.progress, situation())
    pixels = context.region.width / context.preferences.system.ui_scale if context.region else 600
    width = max(40, int((pixels - 80) / 6.5))  # letters; few take more than 6.5 units
    if shown.share >= 0:
        column.progress(factor=shown.share, text=shown.bar, type="BAR")
    for line in shown.lines:
        for number, part in enumerate(textwrap.wrap(line.text, width)):
            column.label(text=part, icon="BLANK1" if number else line.icon)
    row = column.row()
    for button in shown.buttons:
        row.operator(button.operator, text=button.text, icon=button.icon)


CLASSES = (CutoutPreferences,)
