"""From a frame to a mask: what a model takes and gives, and ONNX Runtime as it is used here."""
