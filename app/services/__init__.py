"""What the API and the command line do with pipelines, beyond one request."""
