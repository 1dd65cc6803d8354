"""The networks run by ONNX Runtime, without PyTorch."""
