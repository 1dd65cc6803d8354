"""Propagating a mask through a clip: plan, passes, memory, fusion, stability."""
