"""Sound on its way from a microphone or a source to recordings and streams."""
