"""No file of the host can be read in a bottle but its programs, and none can be written."""
