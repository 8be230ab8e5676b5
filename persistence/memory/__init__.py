"""The in-memory twins of the stores, on which contract and convergence tests run."""
