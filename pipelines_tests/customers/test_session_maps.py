"""A customer's own column maps: their device's columns are read by it, and a bad one says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.fulfilment import fulfil, fulfil_all
from pipelines.customers.session_maps import MOST_MAP_BYTES, MOST_MAPS, CustomerMapError, session_maps
from pipelines.tables.contract import TableName
from pipelines_tests.customers.conftest import CustomerFolder
from pipelines_tests.customers.small_models import SmallModels, champion
from pipelines_tests.flight.formats.made_flight import made_flight, table

FLIGHT = made_flight(seconds=601, seed=3)
COLUMNS = {
    "Zeit": "elapsed_s",
    "Breite": "latitude_deg",
    "Laenge": "longitude_deg",
    "Hoehe": "altitude_msl_ft",
    "Fahrt": "indicated_airspeed_kt",
    "Nick": "pitch_deg",
    "Quer": "roll_deg",
    "Kurs": "heading_deg",
}
"""What the device calls the channels. It writes metres and kilometres an hour."""
MAP = """\
name: own_trainer
description: The training device of the customer.
device_kind: simulator
header_columns_required: [Zeit, Breite, Fahrt]
time: {column: Zeit, kind: elapsed}
channels:
  latitude_deg: {column: Breite, unit: deg}
  longitude_deg: {column: Laenge, unit: deg}
  altitude_msl_ft: {column: Hoehe, unit: m}
  indicated_airspeed_kt: {column: Fahrt, unit: km/h}
  pitch_deg: {column: Nick, unit: deg}
  roll_deg: {column: Quer, unit: deg}
  heading_deg: {column: Kurs, unit: deg}
"""


def _log() -> bytes:
    factors = {"Hoehe": 0.3048, "Fahrt": 1.852}
    return table({name: FLIGHT[channel] * factors.get(name, 1.0) for name, channel in COLUMNS.items()})


@pytest.fixture
def fast(models: SmallModels) -> SmallModels:
    models.serve({"small_fast": champion(models.version(models.add("small_fast")))})
    return models


def _asked(fast: SmallModels, acme: CustomerFolder, name: str) -> tuple[str, str]:
    """State of the answer, and what is said of the session or of the request."""
    fulfil(fast.engine, fast.settings, "acme", [acme.request(name, "flug.csv")], None)
    told = acme.status(name)
    return told.state, told.why or str(told.sessions[0].reason or told.sessions[0].status)


def _rows(fast: SmallModels, table: str, *columns: str) -> list[dict[str, object]]:
    return fast.engine.table(TableName("prod", "customer_acme", table)).select(*columns).toArrow().to_pylist()


@pytest.mark.slow
def test_sessions_are_read_by_the_customers_map_and_anew_when_it_changes(fast: SmallModels, acme: CustomerFolder):
    (acme.root / "sessions" / "flug.csv").write_bytes(_log())
    state, why = _asked(fast, acme, "without.json")
    assert state == "failed"
    assert "header" in why.lower()

    maps = acme.root / "maps"
    maps.mkdir()
    (maps / "trainer.yaml").write_text(MAP.replace("unit: m}", "unit: yards}"))
    state, why = _asked(fast, acme, "wrong.json")
    assert state == "failed"
    assert "maps/trainer.yaml: `channels.altitude_msl_ft.unit` 'yards' cannot be converted to 'ft'" in why
    assert "/tmp" not in why

    (maps / "trainer.yaml").write_text(MAP)
    assert _asked(fast, acme, "right.json") == ("done", "analysed")
    [session] = _rows(fast, "sessions", "source_format", "device_kind", "status", "second_count")
    assert session == {
        "source_format": "own_trainer",
        "device_kind": "simulator",
        "status": "ready",
        "second_count": 601,
    }
    heights = [row["altitude_msl_ft"] for row in _rows(fast, "flight_samples", "second", "altitude_msl_ft")]
    assert max(map(float, heights)) == pytest.approx(FLIGHT["altitude_msl_ft"].max(), abs=1)  # type: ignore[arg-type]
    assert _asked(fast, acme, "again.json") == ("done", "unchanged")

    (maps / "trainer.yaml").write_text(MAP.replace("unit: m}", "unit: m, offset: 100}"))
    assert _asked(fast, acme, "mended.json") == ("done", "analysed"), "its rows depend on the map, too"
    rows = _rows(fast, "flight_samples", "second", "altitude_msl_ft")
    assert len(rows) == 601
    assert max(float(row["altitude_msl_ft"]) for row in rows) == pytest.approx(  # type: ignore[arg-type]
        FLIGHT["altitude_msl_ft"].max() + 100 / 0.3048, abs=1
    )
    assert len(_rows(fast, "analysed_sessions", "session_id")) == 1

    (maps / "trainer.yaml").unlink()
    fulfil_all(fast.engine, fast.settings, "acme", "everything", print)
    [session] = _rows(fast, "sessions", "source_format", "status")
    assert session == {"source_format": None, "status": "quarantined"}
    assert _rows(fast, "flight_samples", "second") == []


@pytest.mark.slow
def test_a_map_is_the_customers_alone(fast: SmallModels, acme: CustomerFolder):
    (acme.root / "sessions" / "flug.csv").write_bytes(_log())
    other = acme.root.parent / "birch" / "maps"
    other.mkdir(parents=True)
    (other / "trainer.yaml").write_text(MAP)
    (acme.root / "maps").symlink_to(other)
    assert _asked(fast, acme, "linked.json")[0] == "failed", "nor is a link to it followed"


def _bomb(maps: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)), "name: *a39"]
    (maps / "a.yaml").write_text("\n".join(lines))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no YAML": (lambda maps: (maps / "a.yaml").write_text("name: [x"), "maps/a.yaml is not YAML"),
    "no text": (lambda maps: (maps / "a.yml").write_bytes(b"\xff\xfe\x00\x00\x81"), "maps/a.yml is not YAML"),
    "references": (_bomb, "maps/a.yaml refers to another part of itself"),
    "nested": (lambda maps: (maps / "a.yaml").write_text("[" * 20_000), "maps/a.yaml is nested too deeply"),
    "long": (lambda maps: (maps / "a.yaml").write_text("#" * (MOST_MAP_BYTES + 1)), "at most 65,536 are read"),
    "many": (
        lambda maps: [(maps / f"{n}.yaml").write_text(MAP) for n in range(MOST_MAPS + 1)],
        "There are 21 files in maps/, at most 20 are read",
    ),
    "twice": (
        lambda maps: [(maps / f"{n}.yaml").write_text(MAP) for n in "ab"],
        "maps/b.yaml: `name` 'own_trainer' is also that of maps/a.yaml",
    ),
    "unknown key": (
        lambda maps: (maps / "a.yaml").write_text(MAP + "colour: red\n"),
        "maps/a.yaml: `colour` is not a known key",
    ),
    "long value": (lambda maps: (maps / "a.yaml").write_text(f"name: {'x Y' * 20_000}"), "maps/a.yaml: `name` must be"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_map_that_cannot_be_used_says_why(tmp_path: Path, what: str):
    write, words = BAD[what]
    maps, scratch = tmp_path / "acme" / "maps", tmp_path / "scratch"
    maps.mkdir(parents=True)
    write(maps)
    with pytest.raises(CustomerMapError) as refused, session_maps(FolderFiles(tmp_path / "acme"), scratch):
        pass
    assert words in str(refused.value)
    assert len(str(refused.value)) < 600
    assert str(tmp_path) not in str(refused.value)
    assert not scratch.exists() or not list(scratch.iterdir()), "nothing is left behind"
