"""What can be known of an update from its bytes: its structs, its depth and what it will cost."""
