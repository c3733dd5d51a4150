"""How good the results are: shots with truth, runs of them, tables."""
