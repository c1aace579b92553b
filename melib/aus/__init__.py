"""Action units: measurements in one table, a vector a clip, clusters and prototypes of the classes."""
