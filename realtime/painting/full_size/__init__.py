"""From the size at which the net paints to the size of the picture."""
