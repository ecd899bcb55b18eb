"""Will an approach be stable at and after the gate? Foreseen from the part of it before the gate."""
