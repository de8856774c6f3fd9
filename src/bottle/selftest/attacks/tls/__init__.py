"""The sidecar passes requests on to no server that cannot prove to be the host that was granted."""
