"""From any content of a document to a valid pipeline and diagnostics."""
