"""Keys of the authors' code (ACAT-SCUT/CycleNet)."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("cycle",), models=("cyclenet_*",)),
    KeyMapping(
        name="ACAT-SCUT/CycleNet",
        required_keys=("cycleQueue.data",),
        models=("cyclenet_*",),
        renames=(("cycleQueue.data", "cycle"), ("model.", "backbone.")),
    ),
]
