"""What is asked of every network. A check raises for what is wrong, Skipped for what has no sense.

On the meta device, where nothing has a value, shapes and types are compared.
"""

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from tests.battery.networks import PATCH, Network
from tests.support.models import fits, unpadded

SINGLE, HALF = torch.float32, torch.bfloat16
Check = Callable[[Network], None]


LARGE = 2000  # nodes of a graph, which the exporter of ONNX takes minutes to optimize
UNREAD = {
    "zoo.models.drln": "body.fusions.3.0."
}  # parameters without use, as the authors have them


class Skipped(Exception):  # noqa: N818
    """The check has no sense for this network; says why."""


def close(actual: Tensor, expected: Tensor, rtol: float = 1e-9) -> None:
    """Same shape and type, and the difference within `rtol` of the largest value."""
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    if not actual.is_meta:
        difference, scale = (actual - expected).abs().max(), expected.abs().max()
        assert difference <= rtol * scale, f"{difference:.3g} off, of {scale:.3g}"


def near(actual: Tensor, expected: Tensor) -> None:
    """Same shape, finite, and within 25 % by norm, as bf16 is in a deep network."""
    assert actual.shape == expected.shape
    if not actual.is_meta:
        assert actual.isfinite().all(), "not finite"
        difference, scale = (actual.double() - expected.double()).norm(), expected.double().norm()
        assert difference <= 0.25 * scale, f"{difference:.3g} off, of {scale:.3g}"


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def gradients(net: Network, model: Any, x: Tensor) -> dict[str, Tensor]:
    """Of the mean square of the outputs in training, by parameter; each has to be reached."""
    torch.manual_seed(0)
    if not parameters(model):
        raise Skipped("no parameters")
    torch.stack([y.square().mean() for y in net.outputs(model.train(), x)]).sum().backward()
    unread = UNREAD.get(net.entry.family, "-")
    actual = {n: p.grad for n, p in parameters(model).items() if not n.startswith(unread)}
    assert not (unreached := [name for name, value in actual.items() if value is None]), unreached
    for name, value in actual.items():
        assert value.is_meta or value.isfinite().all(), f"{name} has a gradient that is not finite"
    return actual


def same_gradients(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Within 1e-9 of the largest of all: a bias before a BatchNorm has none but rounding."""
    scale = max(value.abs().max() for value in expected.values())
    for name, value in expected.items():
        difference = (actual[name] - value).abs().max()
        assert difference <= 1e-9 * scale, f"{name}: {difference:.3g} off, of {scale:.3g}"


def check_forward(net: Network) -> None:
    """Finite, the same twice, and the input stays as it is."""
    model, x = net.make(), net.x()
    before = x.clone()
    for first, second in zip(net.outputs(model, x), net.outputs(model, x), strict=True):
        assert first.is_meta or first.isfinite().all(), "not finite"
        close(second, first, 0.0)
    close(x, before, 0.0)


def check_backward(net: Network) -> None:
    """Every parameter is reached, by a finite gradient."""
    gradients(net, net.make(), net.x())


def check_features(net: Network) -> None:
    """forward_features and forward_head make forward; features_only is as feature_info says."""
    if not hasattr(net.make(), "forward_head"):
        raise Skipped("no head apart from the features")
    model, x = net.make(), net.x()
    features = model.forward_features(x)
    close(model.forward_head(features), model(x), 0.0)
    if not net.entry.is_classifier:
        return
    final, intermediate = model.forward_intermediates(x)
    close(final, features, 0.0)
    for info, feature in zip(model.feature_info, intermediate, strict=True):
        both = info.get("reductions", (info["reduction"],) * 2)
        assert feature.shape[1] == info["num_chs"]
        if "min_input_size" not in net.entry.cfg:  # else convolutions without padding cut more
            sides = [n - unpadded(model) for n in x.shape[2:]]
            assert all(map(fits, feature.shape[2:], sides, both))
        # What timm's own tests allow a map to be at most.
        most = [-(-n // info["reduction"]) + 1 for n in x.shape[2:]]
        assert all(side <= limit for side, limit in zip(feature.shape[2:], most, strict=True))
    body = net.make_features_only()
    for feature, expected in zip(body(x), intermediate, strict=True):
        close(feature, expected, 0.0)


def check_copies(net: Network) -> None:
    """copy.deepcopy and pickle give networks of the same output."""
    model, x = net.make(), net.x()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        close(other(x), model(x), 0.0)
        assert other.pretrained_cfg == model.pretrained_cfg


def check_safetensors(net: Network) -> None:
    """A state dict in safetensors comes back whole, and fits."""
    model, x = net.make(), net.x()
    state = safetensors.torch.load(safetensors.torch.save(model.state_dict()))
    other = net.make()
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    other.load_state_dict(state, strict=True)
    close(other(x), model(x), 0.0)


def check_bf16(net: Network) -> None:
    """Weights and inputs in bf16 give bf16, near what float64 gives."""
    actual = net.make().to(HALF)(net.x(dtype=HALF))
    assert actual.dtype == HALF
    near(actual, net.make()(net.x()))


def check_autocast(net: Network) -> None:
    """Autocast to bf16 with gradients, without, and in inference mode; in training too."""
    model, x = net.make(SINGLE), net.x(dtype=SINGLE)
    expected = model(x)
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with mode(), torch.autocast("cpu", HALF):
            near(model(x), expected)
    if parameters(model):
        with torch.autocast("cpu", HALF):
            gradients(net, model, x)


def check_channels_last(net: Network) -> None:
    """The memory format changes no value."""
    if not net.takes_images:
        raise Skipped("no images")
    model, x = net.make(), net.x()
    last = net.make().to(memory_format=torch.channels_last)
    close(last(x.contiguous(memory_format=torch.channels_last)), model(x))


def check_odd_sizes(net: Network) -> None:
    """Any height, width and length; multiples of a patch where there are patches."""
    if net.has_one_size or not (net.takes_images or net.entry.is_language_model):
        raise Skipped("one size alone")
    model, size = net.make(), net.size()
    for extra in (PATCH,) if not net.has_any_size else (1, 3, 5):
        for y in net.outputs(model, net.x(size=net.size(extra))):
            assert y.is_meta or y.isfinite().all(), "not finite"
    if not net.entry.is_classifier and not net.entry.is_language_model:
        scale = getattr(model, "scale", 1)
        odd = model(net.x(size=(size[0], 7, 1)))
        assert odd.shape[2:] == (7 * scale, scale)
    if net.entry.is_language_model:
        assert model(net.x(size=(1,))).shape[1] == 1


def check_batch_of_one(net: Network) -> None:
    """Alone as in a batch; in training too, as maps are larger than 1 x 1."""
    model, x = net.make(), net.x(3)
    values: list[int] = []  # of each channel, that a BatchNorm sees
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda _, x: values.append(x[0][:, 0].numel()))
    close(model(x[1:2]), model(x)[1:2])
    if 1 in values:
        return  # one row of a table, or the means of one image, have no variance
    torch.manual_seed(0)
    alone = model.train()(x[:1])
    assert alone.is_meta or alone.isfinite().all(), "not finite in training"


def check_torch_func(net: Network) -> None:
    """functional_call, grad and vmap over samples give each sample's own gradients."""
    model, x = net.make(), net.x()
    stem = getattr(model, "patch_embed", nn.Identity())
    if any(isinstance(module, nn.BatchNorm2d) for module in stem.modules()):
        raise Skipped("torch's vmap of BatchNorm's backward is wrong where tokens follow an image")
    weights, buffers = parameters(model), dict(model.named_buffers())

    def outputs(weights: dict[str, Tensor], sample: Tensor) -> Tensor:
        return functional_call(model, (weights, buffers), (sample[None],))

    def loss(weights: dict[str, Tensor], sample: Tensor) -> Tensor:
        return outputs(weights, sample).square().mean()

    with torch.no_grad():
        close(vmap(outputs, (None, 0))(weights, x).flatten(0, 1), model(x))
    if not weights:
        return
    each = vmap(grad(loss), (None, 0))(weights, x)
    for i, sample in enumerate(x):
        leaves = list(weights.values())
        values = torch.autograd.grad(loss(weights, sample), leaves, materialize_grads=True)
        same_gradients({k: v[i] for k, v in each.items()}, dict(zip(weights, values, strict=True)))


def check_checkpointing(net: Network) -> None:
    """set_grad_checkpointing runs layers again in the backward pass, for equal gradients."""
    if not net.takes_images and not net.entry.is_language_model:
        raise Skipped("no blocks")
    calls, actual = [], []
    for enable in (False, True):
        model, seen = net.make(), []
        if not parameters(model):
            raise Skipped("no parameters")
        model.set_grad_checkpointing(enable)
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(lambda *_, seen=seen: seen.append(1))
        actual.append(gradients(net, model, net.x()))
        calls.append(len(seen))
    assert calls[1] > calls[0], "no layer runs again"
    same_gradients(actual[1], actual[0])


def check_compile(net: Network) -> None:
    """One graph, forward and backward."""
    torch.compiler.reset()
    eager, x = net.make(), net.x()
    model = torch.compile(net.make(), fullgraph=True, backend="aot_eager")
    close(model(x), eager(x))
    grads: list[dict[str, Tensor]] = []
    for each in (model, eager) if parameters(eager) else ():
        each(x).square().mean().backward()
        grads.append(
            {str(i): p.grad for i, p in enumerate(each.parameters()) if p.grad is not None}
        )
    if grads:
        same_gradients(*grads)


def check_export(net: Network) -> None:
    """torch.export, for any number of samples, gives equal outputs."""
    if net.entry.task == "density-estimation":
        raise Skipped("the graph of a Jacobian depends on the number of samples")
    module = net.exported.module()
    for batch in (1, 3):
        x = net.x(batch, dtype=SINGLE)
        close(module(x), net.make(SINGLE)(x), 1e-5)


def check_onnx(net: Network) -> None:
    """The dynamo exporter's file gives equal outputs in onnxruntime."""
    if net.entry.task == "density-estimation":
        raise Skipped("the graph of a Jacobian depends on the number of samples")
    import onnxruntime

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter itself
        program: Any = torch.onnx.export(
            net.exported,
            dynamo=True,
            verbose=False,
            optimize=len(net.exported.graph.nodes) < LARGE,
        )
    file = io.BytesIO(program.model_proto.SerializeToString())
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    for batch in (1, 3):
        x = net.x(batch, dtype=SINGLE)
        (actual,) = session.run(None, {entry.name: x.numpy()})
        close(torch.from_numpy(actual), net.make(SINGLE)(x).detach(), 1e-4)
