"""Code that runs at the border of a sandbox, in a small interpreter of its own.

What may live here: the standard library and the modules of this package, nothing else; no threads; no
import after start. A process that moves into a sandbox must not find code by a path there, and a
process that forks for it must be alone. The host's side of the conversation is
`bottle.backends.native.warden`; both ends share `requests` and `wire`.
"""
