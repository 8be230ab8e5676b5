"""The CRDT document around a pipeline: its schema, reading, writing and merging."""
