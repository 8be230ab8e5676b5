"""Processes and how they are started, watched and stopped."""
