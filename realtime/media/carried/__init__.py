"""What becomes of the streams beside the picture in another container."""
