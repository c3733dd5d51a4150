"""How good the layers are, and the report."""
