"""Keys of the authors' code (ServiceNow/N-BEATS), which publishes no weights."""

from zoo.checkpoints.key_mapping import KeyMapping

LAYERS = ("layers.0", "layers.1", "layers.2", "layers.3", "basis_parameters")
WAVES = (f"{side}_{wave}_template" for side in ("backcast", "forecast") for wave in ("cos", "sin"))
BASES = ("backcast_time", "forecast_time", *WAVES)
KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=(".theta.",), models=("nbeats_*",)),
    KeyMapping(
        name="ServiceNow/N-BEATS, interpretable",
        required_keys=("basis_parameters",),
        models=("nbeats_i_[0-9]*",),
        renames=(
            ("blocks.0.basis_parameters.", "stacks.0.theta."),
            ("blocks.3.basis_parameters.", "stacks.1.theta."),
            ("blocks.0.", "stacks.0."),
            ("blocks.3.", "stacks.1."),
        ),
        tied=tuple(  # a stack's second and third block have the tensors of its first
            (f"blocks.{first + later}.{layer}.{kind}", f"blocks.{first}.{layer}.{kind}")
            for first in (0, 3)
            for later in (1, 2)
            for layer in LAYERS
            for kind in ("weight", "bias")
        ),
        ignored=tuple(
            (f"blocks.#.basis_function.{name}", "a basis, which the network computes")
            for name in BASES
        ),
    ),
    KeyMapping(
        name="ServiceNow/N-BEATS, generic",
        required_keys=("basis_parameters",),
        models=("nbeats_g_[0-9]*",),
        renames=(("blocks.#.basis_parameters.", "stacks.#.theta."), ("blocks.#.", "stacks.#.")),
    ),
]
