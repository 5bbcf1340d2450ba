"""Tables, charts and lines."""
