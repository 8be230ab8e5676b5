"""The REST API under `/api`: one module per resource, see docs/api.md."""
