"""Action units: measurements in one table, a vector per clip, clusters and prototypes of the classes."""
