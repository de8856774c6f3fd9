"""How fast and how small bottles are, side by side with what they are compared to. `make bench` runs it."""
