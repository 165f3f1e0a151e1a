"""What is kept of upstreams: how much, how lately used, what leaves, what stays, and whether it is still whole."""
