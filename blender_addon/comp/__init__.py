"""The composite: its group of nodes, its view layers of CG, its formats, how it is rendered."""
