"""Coarse masks: reading them, starting without any, and what all views together say of the object in 3D."""
