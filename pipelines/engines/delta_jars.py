"""Delta Lake's jars for Apache Spark: fetched once by Ivy, checked against pinned digests, kept in the cache."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from pipelines.engines.java import Java

DELTA_VERSION = "4.4.0"


@dataclass(frozen=True)
class Jar:
    """A jar of Maven Central and the digest that it must have."""

    module: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.module}-{DELTA_VERSION}.jar"


DELTA_JARS = (
    Jar("delta-spark_4.2_2.13", "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"),
    Jar("delta-storage", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
)


class JarsUnavailableError(RuntimeError):
    """A jar could not be fetched or is not the pinned one; the message says what to do."""


def provide_delta_jars(java: Java, cache: Path) -> list[Path]:
    """The jars' paths, in the cache folder; only what is missing there is downloaded.

    Raises:
        JarsUnavailableError: a jar could not be downloaded, or its content is not the pinned one.
    """
    folder = cache / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        for jar in DELTA_JARS:
            if not (folder / jar.file_name).is_file():
                _fetch(jar, java, folder)
            _verify(jar, folder / jar.file_name)
    return [folder / jar.file_name for jar in DELTA_JARS]


def _fetch(jar: Jar, java: Java, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="ivy-") as work:
        # Ivy alone, of the jars that pyspark brings: without the transitive dependencies, which Spark has itself.
        command = [str(java.executable), "-jar", str(_ivy()), "-notransitive", "-types", "jar", "-confs", "default"]
        command += ["-dependency", "io.delta", jar.module, DELTA_VERSION, "-cache", f"{work}/cache"]
        command += ["-retrieve", f"{work}/[artifact]-[revision].[ext]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        fetched = Path(work, jar.file_name)
        if not fetched.is_file():
            raise JarsUnavailableError(
                f"Apache Spark needs io.delta:{jar.module}:{DELTA_VERSION} of Maven Central, and fetching it failed:\n"
                f"{_reason(done.stdout + done.stderr)}\nRun again with the network, or put {jar.file_name} into"
                f" {folder} (PIPELINES_CACHE moves that folder)."
            )
        _verify(jar, fetched)
        fetched.replace(folder / jar.file_name)


def _verify(jar: Jar, path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != jar.sha256:
        raise JarsUnavailableError(
            f"{path} is not the pinned {jar.module} {DELTA_VERSION}: its sha256 is {digest}, not {jar.sha256}."
            " Delete it and run again; if that does not help, someone on the way alters downloads."
        )


def _ivy() -> Path:
    pyspark = find_spec("pyspark")
    assert pyspark is not None
    assert pyspark.origin is not None
    found = sorted(Path(pyspark.origin).parent.glob("jars/ivy-*.jar"))
    if not found:
        raise JarsUnavailableError("pyspark is installed without its jars: install pyspark, not pyspark-client.")
    return found[-1]


def _reason(output: str) -> str:
    telling = [line.strip() for line in output.splitlines() if "error" in line.lower() or "not found" in line.lower()]
    return "\n".join(dict.fromkeys(telling or output.splitlines()[-5:]))
