"""Ingestion: from the landing zone through the ledgers to silver."""

from pipelines.tables.annotation_ingestion import ingest_annotations
from pipelines.tables.ingest_report import DeferredFile, IngestReport, QuarantinedFile
from pipelines.tables.session_ingestion import ingest_sessions

__all__ = ["DeferredFile", "IngestReport", "QuarantinedFile", "ingest_annotations", "ingest_sessions"]
