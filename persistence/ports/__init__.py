"""The ports of the durable side: what the rest of the program may ask of a store.

`persistence/postgres` implements them. `persistence/memory` implements them once more, for tests;
tests/contracts/ runs one suite over both.
"""
