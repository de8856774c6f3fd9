"""The sidecar passes on to a granted host nothing but what its route allows, and nothing but HTTP."""
