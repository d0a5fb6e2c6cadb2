"""SRResNet (1609.04802): srresnet_x4, the generator of SRGAN."""

from zoo.inputs import upscaling
from zoo.registry import register

register("zoo.families.srresnet.model:SRResNet", {"srresnet_x4": {}}, upscaling(4))
