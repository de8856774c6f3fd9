"""What attacks share. Goes into a bottle: nothing here but the standard library."""
