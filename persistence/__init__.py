"""The durable side: the update log, the tables projected from it, and the worker between them."""
