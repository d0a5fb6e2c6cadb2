"""Residual Flows (1906.02735): the density of points of the plane, as the authors' toy script."""

from zoo.models._cfgs import density_cfg
from zoo.models._registry import register_models

register_models(
    "zoo.models.residual_flows.model:ResidualFlow2d",
    {"residual_flow_toy2d": {}},
    density_cfg(2),
    task="density-estimation",
)
