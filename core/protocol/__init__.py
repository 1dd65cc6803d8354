"""What Blender's process and the worker say to each other; `core/messages.py` reads and writes it."""
