"""Cards, exports, report site and console tables."""
