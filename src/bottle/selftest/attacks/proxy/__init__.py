"""The sidecar reaches no host but those that a route grants, however it is asked."""
