"""No terminal of the operator's can be reached from a bottle."""
