"""No secret that a bottle holds, and no placeholder, leaves for a host, in any wrapping that the scan claims to see through."""
