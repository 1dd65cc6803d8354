"""Strokes as the artist drew them, read from annotations or from the brush. No bpy."""
