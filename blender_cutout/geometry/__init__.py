"""Pure maths of the preview: pictures, time, masks and marks. No bpy."""
