"""The part of the add-on that knows Blender's data: annotations, strips, coordinates."""
