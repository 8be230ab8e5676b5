"""Bytes into messages and back: lib0, y-websocket, Hocuspocus, awareness."""
