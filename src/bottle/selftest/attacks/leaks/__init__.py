"""No secret that a bottle holds, and no placeholder, leaves for a host, however it is wrapped."""
