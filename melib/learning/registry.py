"""Every method, network and protocol by name, a line each: a new one is one new file and one line here."""

from __future__ import annotations

from melib.spec import Option, Spec

ALGORITHM = "melib.learning.algorithms"
LAM = Option(0.5, bounds=(0, 1))  # weight of a penalty in the loss, the rest of which is cross-entropy

# How a network is trained.
ALGORITHMS = {
    "erm": Spec("CE", f"{ALGORITHM}.erm:ERM", {"ce_scale": Option(1.0, bounds=(0, 1))}),
    "brl": Spec(
        "BRL", f"{ALGORITHM}.brl:BRL", {
            "lam": LAM,
            "attention_weights": Option("learned", choices=("learned", "frozen", "reversed")),
            "spread": Option("range", choices=("range", "variance")),
            "weighting": Option("none", choices=("none", "logit", "loss")),
            "scale_ce": Option(True),
        }, compares_groups=True,
    ),
    "feature_means": Spec(
        "feature means", f"{ALGORITHM}.feature_means:FeatureMeans", {"lam": LAM, "scale_ce": Option(True)},
        compares_groups=True,
    ),
    # Domain generalisation; their baseline is erm with the same sampling.
    "dann": Spec("DANN", f"{ALGORITHM}.dann:DANN", {"lam": Option(1.0, bounds=(0, 1e4))}, compares_groups=True),
    "cdann": Spec("CDANN", f"{ALGORITHM}.dann:CDANN", {"lam": Option(1.0, bounds=(0, 1e4))}, compares_groups=True),
    "coral": Spec("CORAL", f"{ALGORITHM}.coral:CORAL", {"gamma": Option(1.0, bounds=(0, 1e4))}, compares_groups=True),
    "mmd": Spec("MMD", f"{ALGORITHM}.mmd:MMD", {"gamma": Option(1.0, bounds=(0, 1e4))}, compares_groups=True),
    "group_dro": Spec("GroupDRO", f"{ALGORITHM}.group_dro:GroupDRO", {"eta": Option(0.01, bounds=(0, 10))},
                      compares_groups=True),
    "vrex": Spec("V-REx", f"{ALGORITHM}.vrex:VREx", {"beta": Option(10.0, bounds=(0, 1e6))}, compares_groups=True),
    "irm": Spec("IRM", f"{ALGORITHM}.irm:IRM", {"beta": Option(100.0, bounds=(0, 1e6))}, compares_groups=True),
    "mixup": Spec("Mixup", f"{ALGORITHM}.mixup:Mixup", {"alpha": Option(0.2, bounds=(1e-3, 1e3))},
                  compares_groups=True),
    "pretrain": Spec("CE after self-supervised pre-training", f"{ALGORITHM}.pretrain:Pretrain"),
}  # fmt: skip

# Methods without epochs.
ESTIMATORS = {
    "logreg": Spec("logistic regression", "melib.learning.estimators.logreg:LogReg",
                   {"C": Option(0.0, bounds=(0, 1e6))}, seconds=20),
    "svm": Spec("SVM", "melib.learning.estimators.svm:SVM",
                {"C": Option(0.0, bounds=(0, 1e6)), "kernel": Option("linear", choices=("linear", "chi2"))}, seconds=5),
    "dr": Spec("DR (linear kernel)", "melib.learning.estimators.dr:DR", {
        "form": Option("DRFS-S", choices=("DRFS-S", "DRFS-T", "DRLS")),
        "lam": Option(1.0, bounds=(0, 1e6)),
        "mu": Option(0.01, bounds=(0, 1e6)),
        "C": Option(0.0, bounds=(0, 1e6)),
    }, uses_target=True, seconds=20),
    "tgsr": Spec("TGSR (successor of RSTR)", "melib.learning.estimators.tgsr:TGSR", {
        "lam": Option(1.0, bounds=(0, 1e6)),
        "blocks": Option(0, bounds=(0, 10**6)),
        "block_size": Option(177, bounds=(1, 10**6)),
    }, uses_target=True, seconds=5),
}  # fmt: skip

FLOW_NETWORKS = "melib.learning.networks.megc2019"

NETWORKS = {
    "cnn": Spec("CNN", "melib.learning.networks.cnn:cnn", inputs=("image",), least_size=8),
    "resnet18": Spec("ResNet-18", "melib.learning.networks.from_timm:resnet18", inputs=("image",), least_size=8,
                     seconds=0.008),
    "poolformer_s12": Spec("PoolFormer-S12", "melib.learning.networks.from_timm:poolformer_s12", inputs=("image",),
                           least_size=8, seconds=0.01),
    # Of MEGC2019, for flow images of 28 px; the recipes are in the grids.
    "ststnet": Spec("STSTNet", f"{FLOW_NETWORKS}:ststnet", inputs=("image",), least_size=8, seconds=0.0005),
    "off_apexnet": Spec("OFF-ApexNet (padding, pooling assumed)", f"{FLOW_NETWORKS}:off_apexnet", inputs=("image",),
                        least_size=8),
    "dual_inception": Spec("Dual-Inception (branches assumed)", f"{FLOW_NETWORKS}:dual_inception", inputs=("image",),
                           least_size=8, seconds=0.004),
    "rcn_a": Spec("RCN-A (32 maps, assumed)", f"{FLOW_NETWORKS}:rcn_a", {"maps": Option(32, bounds=(1, 1024))},
                  inputs=("image",), least_size=10),
    "sssnet": Spec("SSSNet", f"{FLOW_NETWORKS}:sssnet", inputs=("image",), least_size=16),
    "htnet": Spec("HTNet (fixed landmarks, small: stand-in)", "melib.learning.networks.htnet:htnet", {
        "regions": Option(True), "embedding": Option(64, bounds=(4, 4096)), "depth": Option(2, bounds=(1, 64)),
    }, inputs=("image",), least_size=8),
    # Peers of the paper's Table 9, from scratch or from a file of weights.
    "rn": Spec("RN (from scratch)", "melib.learning.networks.resnet10:rn", inputs=("image",), least_size=8,
               seconds=0.004),
    "rnma": Spec("RNMA (from scratch)", "melib.learning.networks.resnet10:rnma", inputs=("image",), least_size=8,
                 seconds=0.005),
    "atnet": Spec("ATNet (from scratch)", "melib.learning.networks.atnet:atnet", inputs=("image", "sequence"),
                  least_size=8, seconds=0.01),
    "cnn3d": Spec("3D-CNN (stand-in for D3DCNN)", "melib.learning.networks.cnn3d:cnn3d", inputs=("video",),
                  seconds=0.02),
    "elrcn": Spec("ELRCN (small, frame differences for flow: stand-in)", "melib.learning.networks.elrcn:elrcn", {
        "enrichment": Option("spatial", choices=("spatial", "temporal")), "motion": Option(True),
        "hidden": Option(256, bounds=(1, 65_536)),
    }, inputs=("video",), seconds=0.02),
    "motion_views": Spec("motion views (stand-in for TFMVN)", "melib.learning.networks.motion_views:motion_views",
                         {"heat": Option(True), "energy": Option(True)}, inputs=("image",), least_size=8),
    "madv": Spec("pyramid of frame differences (stand-in for MADV-Net)", "melib.learning.networks.madv:madv", {
        "pyramid": Option(True), "differences": Option(True), "factors": Option(True), "au_codes": Option(True),
        "level_heads": Option(True), "embedding": Option(32, bounds=(4, 4096)),
    }, inputs=("video",), seconds=0.02),
    "mlp": Spec("MLP", "melib.learning.networks.mlp:mlp", {"hidden": Option(256, bounds=(1, 65_536))}, seconds=0.0005),
}  # fmt: skip

PROTOCOLS = {
    "lodo": Spec("leave one dataset out", "melib.learning.protocols:LeaveOneDatasetOut"),
    "hde": Spec("holdout evaluation", "melib.learning.protocols:Holdout"),
    "cde2019": Spec("MEGC2019 composite evaluation", "melib.learning.protocols:Composite2019"),
    "loso": Spec("leave one subject out", "melib.learning.protocols:LeaveOneSubjectOut"),
}

METHODS = {**ALGORITHMS, **ESTIMATORS}
