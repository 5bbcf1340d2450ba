"""Key frames painted by optimisation and carried through their shots."""
