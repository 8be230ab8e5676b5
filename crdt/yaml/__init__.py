"""Pipeline YAML v1 and v2: reading, writing and checking files without losing any of their data."""
