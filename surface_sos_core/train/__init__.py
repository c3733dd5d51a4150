"""Optimising both fields: batches, losses, schedule, checkpoints."""
