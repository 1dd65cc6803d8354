"""Job files: everything that a propagation and its outputs need, as one small JSON, cut into independent tasks."""
