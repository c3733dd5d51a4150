"""What goes wrong, as one sentence for the panel or for stderr."""


class AddonError(Exception):
    """Says what happened, where, and what to do; shown as it is."""
