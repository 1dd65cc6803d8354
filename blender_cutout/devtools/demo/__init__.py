"""The demo: a clip that Blender renders, cut out with the add-on's own operators, and measured against the truth."""
