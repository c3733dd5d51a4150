"""What a compositor gets: mattes, clean plates, depth and normals at plate resolution, written as EXR."""
