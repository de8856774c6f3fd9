"""No secret that a bottle holds, and no placeholder, leaves for a host in a form that the scan sees through."""
