"""The running server: sockets, rooms and the command line around the pure core."""
