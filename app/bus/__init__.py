"""How the nodes of one installation tell each other that something changed."""
