"""A room: who is in it, and what follows from each message (effects)."""
