"""Hand-written half-precision engines in torch."""
