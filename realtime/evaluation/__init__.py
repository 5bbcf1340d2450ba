"""`impasto evaluate`: how near nets come to the paintings, and what they keep of the photos."""
