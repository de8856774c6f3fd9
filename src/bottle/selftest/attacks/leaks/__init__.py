"""No secret that a bottle holds, and no placeholder, leaves in a form that the scan sees through."""
