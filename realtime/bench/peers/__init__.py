"""What one would write instead of ours, with the same weights, to stand beside our figures."""
