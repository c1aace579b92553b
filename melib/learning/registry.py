"""Every method, network and protocol by name, a line each: a new one is one new file and one line here."""

from __future__ import annotations

from melib.spec import Option, Spec

LAM = Option(0.5, bounds=(0, 1))  # weight of a penalty in the loss, the rest of which is cross-entropy

# How a network is trained.
ALGORITHMS = {
    "erm": Spec("CE", "melib.learning.algorithms.erm:ERM", {"ce_scale": Option(1.0, bounds=(0, 1))}),
    "brl": Spec(
        "BRL", "melib.learning.algorithms.brl:BRL", {
            "lam": LAM,
            "attention_weights": Option("learned", choices=("learned", "frozen", "reversed")),
            "spread": Option("range", choices=("range", "variance")),
            "weighting": Option("none", choices=("none", "logit", "loss")),
            "scale_ce": Option(True),
        }, compares_groups=True,
    ),
    "feature_means": Spec(
        "feature means", "melib.learning.algorithms.feature_means:FeatureMeans", {"lam": LAM, "scale_ce": Option(True)},
        compares_groups=True,
    ),
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
        "mu": Option(0.1, bounds=(0, 1e6)),
    }, uses_target=True, seconds=20),
    "tgsr": Spec("TGSR (successor of RSTR)", "melib.learning.estimators.tgsr:TGSR", {
        "lam": Option(1.0, bounds=(0, 1e6)),
        "blocks": Option(0, bounds=(0, 10**6)),
        "block_size": Option(177, bounds=(1, 10**6)),
    }, uses_target=True, seconds=5),
}  # fmt: skip

NETWORKS = {
    "cnn": Spec("CNN", "melib.learning.networks.cnn:cnn", inputs=("image",), least_size=8),
    "resnet18": Spec("ResNet-18", "melib.learning.networks.from_timm:resnet18", inputs=("image",), least_size=8,
                     seconds=0.008),
    "poolformer_s12": Spec("PoolFormer-S12", "melib.learning.networks.from_timm:poolformer_s12", inputs=("image",),
                           least_size=8, seconds=0.01),
    "mlp": Spec("MLP", "melib.learning.networks.mlp:mlp", {"hidden": Option(256, bounds=(1, 65_536))}, seconds=0.0005),
}  # fmt: skip

PROTOCOLS = {
    "lodo": Spec("leave one dataset out", "melib.learning.protocols:LeaveOneDatasetOut"),
    "hde": Spec("holdout evaluation", "melib.learning.protocols:Holdout"),
    "cde2019": Spec("MEGC2019 composite evaluation", "melib.learning.protocols:Composite2019"),
    "loso": Spec("leave one subject out", "melib.learning.protocols:LeaveOneSubjectOut"),
}

METHODS = {**ALGORITHMS, **ESTIMATORS}
