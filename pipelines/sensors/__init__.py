"""The sensors of development."""

from pipelines.sensors.landing import landing_zone

sensors = [landing_zone]
