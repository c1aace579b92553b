"""The demo corpus: five synthetic datasets in the five real layouts, with known ground truth."""

from melib.corpus.demo.write import NOTICE, VERSION, acted_frame, true_flow, write_demo

__all__ = ["NOTICE", "VERSION", "acted_frame", "true_flow", "write_demo"]
