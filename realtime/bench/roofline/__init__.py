"""The least time that the device would allow a net, from what it can multiply and copy."""
