"""Yjs updates as bytes: their structs, their depth, what they cost, and what they depend on."""
