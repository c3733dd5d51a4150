"""What the add-on reads and writes, without bpy: camera models, meshes, plates, key frames."""
