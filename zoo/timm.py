"""`import zoo.timm` lets timm create and list the zoo's classifiers."""

import sys

from zoo.models import _timm

sys.modules[__name__] = _timm
