"""The tasks of one lesson, drawn at random within what an instructor would ask for."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.flight.simulator.aircraft import TRAINER_MODELS
from pipelines.flight.simulator.plan import Task
from pipelines.flight.simulator.tasks.approach import Fault


class Lesson:
    """Draws the tasks of one session."""

    def __init__(self, random: np.random.Generator, aircraft_type: str, skill: float) -> None:
        self.random = random
        self.skill = skill
        self.handbook = TRAINER_MODELS[aircraft_type].handbook
        self.tasks: list[Task] = []
        self.estimated_s = 0.0

    def add(self, task: str, **arguments: Any) -> None:
        """Append a task."""
        self.tasks.append(Task(task, arguments))
        self.estimated_s += 55.0 + arguments.get("seconds", 0.0)

    def fill(self, seconds: float) -> None:
        """Ordinary tasks until the session lasts about so long."""
        while self.estimated_s < seconds:
            self.basic()

    def between(self, low: float, high: float) -> float:
        """A number between two bounds, rounded so that plans read well."""
        return round(float(self.random.uniform(low, high)), 2)

    def chance(self, probability: float) -> bool:
        """True with a probability."""
        return bool(self.random.random() < probability)

    def side(self) -> float:
        """-1 (left) or 1 (right)."""
        return 1.0 if self.chance(0.5) else -1.0

    def speed(self) -> float:
        """An airspeed for straight flight and turns: from maneuvering speed to cruise."""
        return self.between(self.handbook.cruise_kt - 18.0, self.handbook.cruise_kt + 2.0)

    def unhurried_speed(self) -> float:
        """An airspeed for level flight between others' traffic or in a hold: well below cruise, above slow flight."""
        return self.between(self.handbook.reference_kt + 12.0, self.handbook.cruise_kt - 18.0)

    def downwind_speed(self) -> float:
        """An airspeed for the downwind leg: some fly it nearly as slow as the base leg, some not much below cruise."""
        return self.between(self.handbook.reference_kt + 12.0, self.handbook.best_climb_kt + 12.0)

    def basic(self) -> None:
        """One of the ordinary tasks."""
        kind = self.random.choice(["cruise", "climb", "descent", "turn", "turn"])
        turned = self.side() * self.between(20.0, 60.0) if self.chance(0.3) else 0.0
        if kind == "cruise":
            speed = self.unhurried_speed() if self.chance(0.25) else self.speed()
            self.add("cruise", seconds=self.between(30.0, 65.0), speed_kt=speed)
        elif kind == "climb":
            margin = self.between(-4.0, 12.0)
            self.add("climb", feet=self.between(400.0, 900.0), speed_margin_kt=margin, turn_deg=turned)
        elif kind == "descent":
            rate = self.between(400.0, 900.0)
            speed = self.between(self.handbook.best_climb_kt + 5.0, self.handbook.cruise_kt)
            self.add("descent", feet=self.between(400.0, 900.0), rate_fpm=rate, speed_kt=speed, turn_deg=turned)
        else:
            degrees = self.side() * self.between(60.0, 240.0)
            self.add("turn", bank_deg=self.between(15.0, 32.0), degrees=degrees, speed_kt=self.speed())

    def steep_turn(self) -> None:
        """A steep turn; poor pilots and some bumps of bank included."""
        speed = self.between(self.handbook.maneuvering_kt - 12.0, self.handbook.maneuvering_kt)
        degrees = self.side() * self.random.choice([180.0, 360.0, 360.0, 360.0])
        self.add("steep_turn", bank_deg=self.between(43.5, 46.5), degrees=float(degrees), speed_kt=speed)

    def slow_flight(self) -> None:
        """Slow flight, flaps up or down."""
        flaps = float(self.random.choice([0.0, 0.34, 1.0]))
        turned = self.side() * self.between(15.0, 50.0) if self.chance(0.5) else 0.0
        margin = self.between(1.14, 1.26)
        self.add("slow_flight", seconds=self.between(35.0, 70.0), flaps=flaps, margin=margin, turn_deg=turned)

    def stall(self) -> None:
        """A stall of some kind, or (one in four) an approach to one that is recovered in time."""
        late = 1.0 - self.skill
        hold = self.between(0.3, 1.5 + 3.0 * late)
        if self.chance(0.22):
            margin = self.between(1.3, 1.55)
            self.add("accelerated_stall", bank_deg=self.side() * self.between(35.0, 48.0),
                     pull=self.between(0.75, 1.0), speed_margin=margin, hold_s=min(hold, 1.5))  # fmt: skip
            return
        power = self.between(0.6, 1.0) if self.chance(0.4) else 0.0
        flaps = float(self.random.choice([0.0, 0.0, 1.0])) if power == 0.0 else 0.0
        bank = self.side() * self.between(12.0, 25.0) if self.chance(0.3) else 0.0
        yaw = self.side() * self.between(0.1, 0.5 * late + 0.1) if self.chance(0.4) else 0.0
        self.add("stall", power=power, flaps=flaps, bank_deg=bank, hold_s=hold,
                 let_break=self.chance(0.82), yaw=yaw)  # fmt: skip

    def upset(self) -> None:
        """An unusual attitude."""
        kind = self.random.choice(["nose_high", "spiral", "rolled"])
        if kind == "nose_high":
            self.add("nose_high", pitch_deg=self.between(32.0, 42.0), bank_deg=self.side() * self.between(0.0, 30.0),
                     hold_s=self.between(0.3, 1.5))  # fmt: skip
        elif kind == "spiral":
            self.add("spiral", bank_deg=self.side() * self.between(66.0, 76.0),
                     pitch_deg=-self.between(8.0, 16.0), delay_s=self.between(0.5, 4.0))  # fmt: skip
        else:
            self.add("rolled", bank_deg=self.side() * self.between(68.0, 88.0), roll_rate=self.between(25.0, 45.0))

    def fault(self) -> Fault:
        """What is wrong with the next approach.

        Nothing in 43 of 100; else mostly something that begins before the 500 ft gate and lasts beyond it, and
        sometimes something that is put right before the gate, or begins only after it.
        """
        if self.chance(0.43):
            return Fault()
        kind = str(self.random.choice(["fast", "slow", "steep", "sink", "offset", "weave"]))
        begin, end = self.between(600.0, 950.0), self.between(150.0, 330.0)
        size = {
            "fast": self.between(14.0, 34.0),
            "slow": self.between(9.0, 13.0),
            "steep": self.between(250.0, 450.0),
            "sink": self.between(650.0, 1100.0),
            "offset": self.side() * self.between(900.0, 1700.0),
            "weave": self.between(17.0, 28.0),
        }[kind]
        if kind == "sink":
            begin, end = self.between(580.0, 680.0), self.between(280.0, 400.0)
        elif kind == "offset":
            begin, end = self.between(850.0, 1050.0), self.between(220.0, 290.0)
        when = self.random.random()
        if when < 0.16 and kind != "steep":
            begin, end = self.between(1000.0, 1200.0), self.between(720.0, 850.0)
        elif when < 0.20 and kind not in ("steep", "offset"):
            begin, end = self.between(330.0, 420.0), 150.0
        return Fault(kind, size, begin, end)

    def approach(self, task: str, ending: str, across: bool = True) -> None:
        """A final approach with or without a fault."""
        fault = self.fault()
        if ending == "either":
            ending = "go_around" if self.chance(0.35 if fault.kind == "none" else 0.5) else "land"
        self.add(
            task,
            fault=fault,
            glide_deg=self.between(3.0, 3.9),
            speed_margin_kt=self.between(0.0, 5.0),
            flaps=float(self.random.choice([0.67, 1.0, 1.0])),
            across_ft=self.side() * self.between(0.0, 900.0) if across else 0.0,
            ending=ending,
            ending_ft=self.between(70.0, 280.0),
            flare_ft=self.between(20.0, 30.0),
        )

    def arrive(self) -> None:
        """Descend to the start of a straight-in approach."""
        self.add("arrive", height_ft=self.between(1150.0, 1350.0), rate_fpm=self.between(600.0, 950.0),
                 off_wind_deg=self.between(-35.0, 35.0))  # fmt: skip

    def depart(self, flaps: float = 0.0) -> None:
        """From standing to the initial climb."""
        self.add("hold_short", seconds=self.between(10.0, 30.0), taxi_s=self.between(8.0, 25.0))
        self.add("takeoff", rotation_margin_kt=self.between(-2.0, 6.0), flaps=flaps)

    def around(self) -> None:
        """One traffic pattern back to final."""
        self.add("pattern", side=self.side() if self.chance(0.3) else -1.0, width_ft=self.between(5000.0, 6200.0),
                 height_ft=self.between(950.0, 1100.0), base_ft=self.between(7000.0, 9000.0),
                 speed_kt=self.downwind_speed())  # fmt: skip
