"""The README's examples run as they stand, and what it names is there."""

import re

import pytest
import torch

from melib.cli import main
from melib.home import home
from melib.prepare.samples import Samples

TEXT = (home() / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_samples_example_writes_samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = [code for code in EXAMPLES if "Samples(" in code]
    exec(code, {})
    samples = Samples.load(tmp_path / "my_samples")
    assert list(samples.index["label"]) == ["surprise", "negative"]
    assert samples.arrays["flow_image"].shape == (2, 28, 28, 3)


def test_brl_plugs_into_a_model_that_is_not_ours():
    (code,) = [code for code in EXAMPLES if "BatchRegularizationLoss(" in code]
    lines = [line for line in code.splitlines() if line]
    assert len(lines) <= 12
    names: dict = {}
    exec(code, names)
    assert 0 < names["loss"].item() < 5
    assert names["brl"].weight.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in names["body"].parameters())
    assert not torch.equal(names["brl"].weight.detach(), torch.zeros(16))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w./]+)\)", TEXT))))
def test_links_lead_somewhere(link):
    assert (home() / link).exists()


@pytest.mark.parametrize("words", re.findall(r"^    melib (\w+) (notebooks\S+)", TEXT, re.MULTILINE))
def test_commands_exist(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([words[0], "--help"])
    assert ended.value.code == 0
    assert (home() / words[1]).is_file()
