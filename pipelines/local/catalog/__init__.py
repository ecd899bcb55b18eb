"""The metastore: catalogs, schemas, tables, volumes and grants behind the Unity Catalog API."""
