"""The jobs of each code location: named parts of the asset graph that people and sensors start."""
