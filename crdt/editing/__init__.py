"""The edits that the server makes, each the smallest that does what was asked."""
