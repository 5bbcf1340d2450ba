"""How tall live may paint."""
