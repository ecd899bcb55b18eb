"""Files as the workspace keeps them: DBFS, Unity Catalog volumes, workspace files."""
