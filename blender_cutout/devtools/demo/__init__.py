"""The demo: a clip rendered by Blender, cut out with the add-on's own operators, and measured against the truth."""
