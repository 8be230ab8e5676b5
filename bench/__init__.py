"""What Pipeloom costs, measured: `python -m bench`."""
