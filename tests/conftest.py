"""One thread in the tests and in the processes that they start: tensors are tiny, and bits depend on it."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported
