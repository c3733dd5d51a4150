"""Data sets of other projects, read as they come, each in the conventions of its own."""

KINDS = ("llff", "co3d", "blendedmvs", "tum", "neus", "transforms")
