"""Every table of the schema: whoever migrates or compares it must have imported all of them."""

from db import (
    access_models,
    calibration_models,
    checkin_models,
    delivery_models,
    models,
    space_models,
)
from db.base import Base

METADATA = Base.metadata
MODULES = (
    access_models,
    calibration_models,
    checkin_models,
    delivery_models,
    models,
    space_models,
)
