"""The attack suite: attacks that run inside a real bottle, and what stands ready for them around it.

`kit`, `boot`, `probes` and `attacks` go into a bottle; the rest runs on the host.
"""
