"""The bus: how the nodes of one installation publish messages to each other."""
