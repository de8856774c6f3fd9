"""How the host speaks to a sidecar: messages on its standard streams, and the handing over of a socket."""
