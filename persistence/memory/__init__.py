"""Test support: twins of the stores, in memory.

The contract tests (`tests/contracts/`) run on both kinds of stores, so that the twins behave as the
stores on PostgreSQL do. Convergence tests, and tests of single modules, run on the twins.
"""
