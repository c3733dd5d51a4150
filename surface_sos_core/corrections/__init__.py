"""Corrections of single frames: what an artist says of them, what follows from it, and its files."""
