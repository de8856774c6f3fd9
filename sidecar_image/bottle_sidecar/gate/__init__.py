"""The git gate: the bottle's git speaks HTTP to it, and it speaks ssh to the declared upstreams."""
