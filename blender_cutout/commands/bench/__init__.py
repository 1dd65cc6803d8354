"""The `cutout bench` command: measurements of time and memory."""
