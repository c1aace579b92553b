"""TGSR on real features: how many random settings of its authors' log come out with the same accuracy and macro F1.

python -m tests.benchmarks.transductive [settings a transfer, default 20]; needs MELIB_REAL_DATA.
"""

import os
import sys
from pathlib import Path

from tests.learning.test_transductive import disagreeing, logged


def main(count: int) -> None:
    real_data = Path(os.environ["MELIB_REAL_DATA"])
    rows = logged(real_data, count)
    wrong = disagreeing(real_data, rows)
    print(f"{len(rows) - len(wrong)} of {len(rows)} settings agree with the log")
    for row, given in wrong:
        print(row, given)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
