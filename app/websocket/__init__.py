"""The sockets: from frames to messages, queues of what is sent, and limits."""
