"""Test support: the twins of the stores, in memory.

Contract tests hold them to what the stores on PostgreSQL do. Convergence tests, and those of a
single module, run on them.
"""
