"""How good the results are and how long they take: shots with truth, runs of them, results as data, tables made from these."""
