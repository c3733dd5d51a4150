"""Subjects that move, before cameras that travel, turn, zoom or stand: time shows the background, and what it does not
explain is the subject."""
