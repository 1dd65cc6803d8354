"""The settings of what is written, as the scene keeps them."""
# No `from __future__ import annotations`: Blender reads the annotations of property groups as values.

from bpy.props import EnumProperty, FloatVectorProperty

BACKGROUND = FloatVectorProperty(
    name="Background Colour",
    description="Colour of the background that Replace Background puts beneath the clip",
    subtype="COLOR_GAMMA",
    size=3,
    min=0.0,
    max=1.0,
    default=(0.0, 0.6, 0.0),
)
WRITE_OBJECTS = EnumProperty(
    name="Objects",
    description="Which of the clip's objects Write Strips writes",
    items=(
        ("UNION", "All as One", "One mask of all objects that have masks: the composite shows them all"),
        ("EACH", "One Strip Each", "The same, and beside it a mask strip for each object, for effects of its own"),
        ("ACTIVE", "Active Object", "The mask of the active object alone"),
    ),
    default="UNION",
)
