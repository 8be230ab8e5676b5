"""A PostgreSQL of one's own, from a wheel."""
