"""Sessions of gold seconds drawn by hand, so that a test knows every touchdown and every fault."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.flight.channels import CHANNEL_NAMES

FIELD_FT = 890.0


class FlownSession:
    """Legs one after the other; `samples` gives what a Garmin log of that flight would hold, second by second."""

    def __init__(self, height_ft: float = 0.0, speed_kt: float = 0.0) -> None:
        self._height = [height_ft]
        self._speed = [speed_kt]
        self._bank = [0.0]
        self._heading = [90.0]

    @property
    def second(self) -> int:
        """The last second flown so far."""
        return len(self._height) - 1

    def fly(
        self, seconds: int, to_height_ft: float, to_speed_kt: float, bank_deg: float = 0.0, turn_deg: float = 0.0
    ) -> FlownSession:
        """A leg of straight lines from the present height and speed, with constant bank and turn rate."""
        self._height += list(np.linspace(self._height[-1], to_height_ft, seconds + 1)[1:])
        self._speed += list(np.linspace(self._speed[-1], to_speed_kt, seconds + 1)[1:])
        self._heading += list((self._heading[-1] + np.linspace(0, turn_deg, seconds + 1)[1:]) % 360.0)
        self._bank += [bank_deg] * seconds
        return self

    def circuit(self) -> FlownSession:
        """Takeoff, a climb to 1,000 ft above the field, and downwind."""
        return self.fly(15, 0, 60).fly(90, 1000, 75).fly(60, 1000, 90).fly(20, 1000, 65)

    def final(self, speed_kt: float = 65.0, sink_fpm: float = 500.0, to_height_ft: float = 0.0) -> FlownSession:
        """A straight descent at constant speed."""
        height = self._height[-1]
        return self.fly(round((height - to_height_ft) / sink_fpm * 60), to_height_ft, speed_kt)

    def full_stop(self) -> FlownSession:
        """The rollout, and a minute on the ground."""
        return self.fly(20, 0, 0).fly(60, 0, 0)

    def samples(self, without: tuple[str, ...] = (), field_ft: float = FIELD_FT) -> pd.DataFrame:
        """Gold seconds: `second`, `is_gap` and all channels; those that a Garmin log lacks, and `without`, are null."""
        height = np.array(self._height)
        frame = pd.DataFrame({name: np.full(len(height), np.nan) for name in CHANNEL_NAMES})
        frame["altitude_msl_ft"] = frame["altitude_indicated_ft"] = height + field_ft
        frame["indicated_airspeed_kt"] = frame["ground_speed_kt"] = self._speed
        frame["vertical_speed_fpm"] = np.gradient(height) * 60.0
        frame["roll_deg"] = self._bank
        frame["heading_deg"] = frame["track_deg"] = self._heading
        frame["latitude_deg"], frame["longitude_deg"] = 47.84, -96.62
        frame["pitch_deg"] = 0.0
        frame["normal_acceleration_g"] = 1.0
        frame["engine_rpm"] = 1800.0
        frame[list(without)] = np.nan
        frame.insert(0, "second", np.arange(len(frame)))
        frame.insert(1, "is_gap", False)
        return frame
