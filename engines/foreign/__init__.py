"""Image-to-image ONNX files of other programs as style files: read, understood, and put into a graph of ours."""
