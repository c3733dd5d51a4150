"""What the scene is made of: hash grids, and the networks of the foreground and the background."""
