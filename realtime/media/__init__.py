"""What containers, codecs, devices and the network are to the frame loops."""
