"""Networks that timm builds."""

from __future__ import annotations

from melib.learning.networks.base import Network
from melib.learning.networks.convolution import quick_on_small_maps


def resnet18(shape: tuple[int, int, int]) -> Network:
    """ResNet-18 (He et al., 2016) from scratch: the paper names no pretraining."""
    return _timm("resnet18", shape)


def poolformer_s12(shape: tuple[int, int, int]) -> Network:
    """PoolFormer-S12 (Yu et al., 2022) from scratch."""
    return _timm("poolformer_s12", shape)


def _timm(name: str, shape: tuple[int, int, int]) -> Network:
    import timm

    body = timm.create_model(name, pretrained=False, num_classes=0, in_chans=shape[0])
    return Network(quick_on_small_maps(body), body.num_features)
