"""How far away things are, from what several frames show of them: plane sweeps."""
