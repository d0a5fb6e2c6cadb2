"""Weight files: download, verification, key mapping, reading and writing."""
