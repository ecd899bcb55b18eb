"""The real logs come out whole: what is in them is known from looking at them."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.flight.formats import ParsedSession, read_session
from pipelines_tests.real_data import real_data_folder

FOLDER = real_data_folder()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="the real flight logs are not on this machine (FLIGHT_DATA)")


def read(path: str) -> ParsedSession:
    assert FOLDER is not None
    file = FOLDER / path
    return read_session(file.name, file.read_bytes())


@pytest.mark.parametrize(
    ("path", "aircraft", "rows", "duration_s", "started"),
    [
        ("garmin/log_110812_095915_KCKN.csv", "c172s", 3966, 4037, "2011-08-12T14:59:07+00:00"),
        ("garmin/log_111123_121305_KGFK.csv", "c172s", 6342, 6623, "2011-11-23T18:12:56+00:00"),
        ("garmin/flight_1934579.csv", "p28a", 10680, 10679, "2024-07-20T12:25:10+00:00"),
    ],
)
def test_garmin_logs(path, aircraft, rows, duration_s, started):
    session = read(path)
    assert (session.source_format, session.aircraft_type) == ("garmin", aircraft)
    assert (session.sample_count, session.dropped_rows) == (rows, 1)
    assert session.duration_s == pytest.approx(duration_s, abs=2)
    assert session.started_at is not None
    assert session.started_at.isoformat() == started
    assert not [r for r in session.repairs if "stood still" in r or "range" in r or "clock" in r]
    samples = session.samples
    # one of them has a pitot-static disturbance of some seconds; nothing else is missing
    disturbed = [r for r in session.repairs if "air data" in r]
    assert len(disturbed) == (path == "garmin/flight_1934579.csv")
    assert samples["indicated_airspeed_kt"].null_count() < 40 * len(disturbed) + 1
    assert samples["pitch_deg"].null_count() == samples["normal_acceleration_g"].null_count() == 0
    assert 0.98 < float(samples["normal_acceleration_g"].median()) < 1.02  # pyright: ignore[reportArgumentType]
    assert 100 < float(samples["indicated_airspeed_kt"].max()) < 140  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("path", ["garmin/log_110812_095915_KCKN.csv", "garmin/log_111123_121305_KGFK.csv"])
def test_time_axis_agrees_with_the_distance_flown(path):
    samples = read(path).samples
    elapsed = samples["elapsed_s"].to_numpy()
    latitude, longitude = samples["latitude_deg"].to_numpy(), samples["longitude_deg"].to_numpy()
    speed = samples["ground_speed_kt"].to_numpy() * 1852 / 3600
    east = np.diff(longitude) * np.cos(np.radians(latitude[1:]))
    flown_s = np.hypot(np.diff(latitude), east) * 111120 / ((speed[1:] + speed[:-1]) / 2 + 1e-9)
    flying = speed[1:] > 18
    right = np.round(flown_s[flying]) == np.round(np.diff(elapsed)[flying])
    assert right.mean() > 0.97


def test_xplane_log():
    session = read("simulator/xplane.csv")
    assert (session.source_format, session.device_kind) == ("xplane", "simulator")
    assert (session.sample_count, session.dropped_rows) == (7181, 0)
    assert session.duration_s == pytest.approx(702.395)
    assert session.started_at is not None
    assert session.started_at.isoformat(timespec="milliseconds") == "2020-08-18T15:34:17.386+00:00"
    assert len(session.repairs) == 1
    assert "derived from the positions" in session.repairs[0]
    assert {"indicated_airspeed_kt", "on_ground"} <= set(session.missing_channels)
    assert "ground_speed_kt" not in session.missing_channels
    # the stabilizer fails near 15:42 GMT: the aircraft leaves normal flight after some 460 s
    after = session.samples.filter(session.samples["elapsed_s"] > 440)["roll_deg"].abs().max()
    assert float(after) > 60  # pyright: ignore[reportArgumentType]
