"""Where coarse masks come from: one small interface, and a module for each source, imported when it is asked for."""
