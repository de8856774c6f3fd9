"""The sidecar: the one trusted process between a bottle and the world. Never imports `bottle`."""
