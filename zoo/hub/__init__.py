"""Push to, pull from and serve Hub repositories."""
