"""Renders training clips with Blender: moving things with exact masks, see `launch.py` and `render_clips.py`."""
