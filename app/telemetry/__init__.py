"""Metrics, traces and logs: what is seen from outside."""
