"""What stands in the scene: cameras, the mesh, points, the box, overlays; and what the scene has to give."""
