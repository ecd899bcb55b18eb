"""The aircraft that the simulator flies: JSBSim models, set up without their stray outputs.

Several stock models open files in the working directory or sockets to a visualisation program as soon as
they are loaded. Each process therefore loads copies of the models from which those outputs are taken out.
"""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.flight.aircraft import AIRCRAFT, Aircraft


@dataclass(frozen=True)
class TrainerModel:
    """How one aircraft type is simulated.

    `critical_aoa_deg` is the fuselage angle of attack where the model's lift curve tops with flaps up, or
    where full aft stick holds it (both are a stall by 14 CFR 23.201 as of amendment 62);
    `critical_aoa_flaps_deg` the same with landing flaps. `stall_kt` is the speed at which the *model* stalls
    with flaps up and idle power; it differs by some knots from the handbook's. `elevator_slack` is the play
    in the elevator linkage (share of full travel) that a pilot takes up by feel.
    """

    type: str
    model: str
    critical_aoa_deg: float
    critical_aoa_flaps_deg: float
    stall_kt: float
    stall_flaps_kt: float
    full_flaps_deg: float
    climb_throttle: float = 1.0
    elevator_slack: float = 0.0

    @property
    def handbook(self) -> Aircraft:
        """The reference speeds of the type."""
        return AIRCRAFT[self.type]


_MODELS = (
    TrainerModel("c172p", "c172p", 15.5, 13.5, 50.0, 45.0, 30.0),
    TrainerModel("c172r", "c172r", 16.0, 15.0, 54.0, 49.0, 30.0),
    TrainerModel("c172x", "c172x", 14.0, 13.3, 43.0, 41.0, 30.0, elevator_slack=0.1),
    TrainerModel("c182", "c182", 16.0, 15.0, 52.0, 48.0, 30.0),
)

TRAINER_MODELS: dict[str, TrainerModel] = {model.type: model for model in _MODELS}
"""The simulated aircraft by type."""

_OUTPUT = re.compile(r"<output\s[^>]*?(?:/>|>.*?</output>)", re.DOTALL)


@functools.cache
def _models_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder, removed when the process ends, with the models stripped of their outputs."""
    import jsbsim

    root = Path(jsbsim.get_default_root_dir())
    folder = tempfile.TemporaryDirectory(prefix="trainer-models-")
    for model in _MODELS:
        target = Path(folder.name) / model.model
        shutil.copytree(root / "aircraft" / model.model, target)
        for definition in target.glob("*.xml"):
            text = definition.read_text(encoding="utf-8", errors="replace")
            definition.write_text(_OUTPUT.sub("", text), encoding="utf-8")
    return folder


def load(model: TrainerModel, step_s: float) -> Any:
    """A JSBSim executive with the model loaded, silent, integrating at `step_s` seconds.

    Raises RuntimeError if JSBSim cannot load the model.
    """
    import jsbsim

    class Silence(jsbsim.FGLogger):
        """JSBSim prints its chatter to standard output unless a logger takes it."""

        def set_level(self, level: Any) -> None: ...

        def file_location(self, filename: str, line: int) -> None: ...

        def message(self, message: str) -> None: ...

        def format(self, format: Any) -> None: ...  # noqa: A002 - the name that JSBSim calls it by

        def flush(self) -> None: ...

    jsbsim.set_logger(Silence())
    executive = jsbsim.FGFDMExec(None)
    root = Path(jsbsim.get_default_root_dir())
    loaded = executive.load_model_with_paths(
        model.model, _models_folder().name, str(root / "engine"), str(root / "systems"), True
    )
    if not loaded:
        raise RuntimeError(f"JSBSim could not load its model {model.model!r}: reinstall the jsbsim package")
    executive.set_dt(step_s)
    return executive
