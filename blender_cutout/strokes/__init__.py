"""Strokes as the artist drew them, with annotations or the brush. No bpy."""
