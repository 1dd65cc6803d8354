"""Writes the networks as ONNX graphs, for inference without PyTorch; only in a checkout."""
