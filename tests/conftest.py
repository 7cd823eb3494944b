"""What holds for every test: hypothesis without deadlines, plots without windows, one thread a worker."""

import os

import torch
from hypothesis import HealthCheck, settings

os.environ["MPLBACKEND"] = "Agg"

# A slow machine is no reason to fail: neither a deadline nor the check for slow generation.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)
