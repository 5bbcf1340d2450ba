"""How the scene is drawn: canvas, brush, light, camera."""
