"""The projection: from the update log to the tables, and saved versions."""
