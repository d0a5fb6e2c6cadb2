"""Models: one package per paper. Families are independent of one another."""
