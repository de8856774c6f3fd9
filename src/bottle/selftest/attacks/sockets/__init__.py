"""No unix socket of the host, of its services or of another bottle can be reached from a bottle."""
