"""Live rooms of this node: they execute what `crdt/room` decides."""
