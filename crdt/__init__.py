"""The pure core: documents, protocols and merge rules, without a clock, a socket or a task."""
