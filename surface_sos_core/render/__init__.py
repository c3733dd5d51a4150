"""Rays, where to sample them, and volume rendering."""
