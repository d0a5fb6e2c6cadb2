"""SRResNet (1609.04802): srresnet_x4, the generator of SRGAN."""

from zoo.registry import register, upscaling

register("zoo.families.srresnet.model:SRResNet", {"srresnet_x4": {}}, upscaling(4))
