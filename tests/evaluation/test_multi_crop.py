"""Ten-crop and multi-scale evaluation against crops by hand."""

import torch
import torchvision.transforms.v2.functional as F
from PIL import Image

import zoo
from tests.evaluation.test_custom_classification import CFG, PHOTOS
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import MultiCrop, make_transform
from zoo.evaluation.custom.request import find_protocol
from zoo.evaluation.evaluators.classification import average_crops
from zoo.evaluation.spec import describe_preprocessing
from zoo.models._builder import pretrained_cfg
from zoo.papers.loading import load_papers
from zoo.papers.protocols import CropProtocol

# What protocols show


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return zoo.create("resnet18", num_classes=10).eval()


def normalised(image: Image.Image) -> torch.Tensor:
    return F.normalize(F.to_dtype(F.to_image(image), scale=True), CFG["mean"], CFG["std"])


def softmax(model: torch.nn.Module, image: Image.Image) -> torch.Tensor:
    return model(normalised(image)[None]).softmax(1)[0]


@torch.inference_mode()
def test_average_crops_ten_crop_matches_manual_crops() -> None:
    """Four corners and the center, and the same of the mirrored image, cut out by hand."""
    model, show = network(), MultiCrop(CropProtocol(resize=(96,), crop_size=64, crops="ten"), CFG)
    expected = []
    for photo in PHOTOS:
        small = photo.resize((96 * photo.width // photo.height, 96), Image.Resampling.BILINEAR)
        w, h = small.width - 64, 32
        corners = [(0, 0), (w, 0), (0, h), (w, h), (round(w / 2), round(h / 2))]
        scores = []
        for whole in (small, small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            scores += [softmax(model, whole.crop((x, y, x + 64, y + 64))) for x, y in corners]
        expected.append(torch.stack(scores).mean(0))
    scores_of_crops = average_crops(model, [show(photo) for photo in PHOTOS])
    torch.testing.assert_close(scores_of_crops, torch.stack(expected), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_average_crops_multiscale_whole_matches_manual() -> None:
    model, show = network(), MultiCrop(CropProtocol(resize=(64, 96), crops="whole"), CFG)
    expected = []
    for photo in PHOTOS:
        sizes = [(s * photo.width // photo.height, s) for s in (64, 96)]
        resized = [photo.resize(size, Image.Resampling.BILINEAR) for size in sizes]
        expected.append(torch.stack([softmax(model, image) for image in resized]).mean(0))
    scores_of_crops = average_crops(model, [show(photo) for photo in PHOTOS])
    torch.testing.assert_close(scores_of_crops, torch.stack(expected), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_multicrop_center_crop_equals_timm_transform() -> None:
    """timm resizes to pixels / crop_pct: 224 / 0.875 = 256."""
    model = zoo.create("resnet18", num_classes=10)
    view = {p.id: p for p in load_papers()}["resnet"].protocol_settings["imagenet-center"]
    ours = MultiCrop(view, pretrained_cfg(model))
    for photo in PHOTOS:
        (tensor,) = ours(photo)
        torch.testing.assert_close(tensor[0], zoo.transform(model)(photo))


# Protocols of training, with no word on the crop of the evaluation.
UNSAID = {
    "decayed_identity": {"fine-tuned", "knn", "linear-probe"},
    "parallel_vit": {
        "a2-300", "a2-400", "beit", "adamw-full-384", "adamw-attn-384", "adamw-ffn-384",
        "sgd-full-384", "sgd-attn-384", "sgd-ffn-384",
    },
    "residual_attention": {"imagenet-224", "imagenet-320"},
    "resmlp": {
        "epochs-300", "epochs-500", "epochs-800", "epochs-1000", "old-fashioned", "exploration",
        "exploration-distilled", "dino-knn", "dino-linear", "dino-tuned", "ablation-sgd",
        "ablation-steps", "ablation-no-drop-path", "ablation-no-erasing", "ablation-no-mixing",
        "ablation-no-repeats", "ablation-no-randaugment", "ablation-batch-256",
        "ablation-epochs-120",
    },
    "resnest": {"gluoncv"},
    "resnet_rs": {"pseudo-labels"},
    "revcol": {"imagenet-22k-384", "megdata-640"},
}  # fmt: skip


def test_papers_imagenet_protocols_have_crop_protocol() -> None:
    """But for what no single network shows alone, or whose size the paper does not say."""
    without = {
        "",  # quoted from elsewhere, without how
        "ensemble",
        "small-batches",
        "imagenet-unsaid-size",
        "imagenet-vit-unsaid-size",
        "imagenet-ssld",
        "imagenet-299",
        "imagenet-5k-way",
        "imagenet-1k-way",
        "zero-shot",
    }
    for paper in zoo.list_papers():
        used = {
            claim.protocol
            for claim in paper.claims
            if claim.benchmark == "imagenet/val"
            or (
                claim.benchmark in BENCHMARKS
                and BENCHMARKS[claim.benchmark].weights_of == "imagenet/val"
            )
        }
        settings = paper.protocol_settings.items()
        cropped = {name for name, value in settings if isinstance(value, CropProtocol)}
        assert used - without - UNSAID.get(paper.id, set()) == cropped, paper.id


def test_make_transform_ten_crop_protocol_gives_ten_crops() -> None:
    view = find_protocol(CropProtocol, "resnet/imagenet-10crop")
    show = make_transform(CFG, view)
    assert [tuple(tensor.shape) for tensor in show(PHOTOS[0])] == [(10, 3, 224, 224)]
    protocol = describe_preprocessing(CFG, view)
    assert (protocol["crops"], protocol["pixels"], protocol["mean"]) == (
        "ten",
        224,
        [0.485, 0.456, 0.406],
    )
