"""Where the scene is: village, lake, sky."""
