"""Claim: InfoNCE, forward and backward, at any batch size in little memory, and no slower than the usual whole matrix.

    pip install --no-deps --target FOLDER open_clip_torch
    python -m benchmarks contrast_memory --peer FOLDER [--rows 16384] [--dim 512] [--threads 2] [--repeats 3]

Peer: open_clip's `ClipLoss`, whose file alone is loaded (its package wants torchvision). Each loss runs in a process of
its own, in turn; extra memory is the peak resident size beyond what it was with the codes made. The floor of time is
four products of n × n × d; that of memory is the codes' gradients.
"""

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from common import machine
from torch.nn.functional import normalize

from kuamo.objectives.contrastive import info_nce


def peer_loss(folder: str):
    spec = importlib.util.spec_from_file_location("open_clip_loss", Path(folder) / "open_clip" / "loss.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ClipLoss()


def ours(u, v, scale):
    key = torch.arange(len(u))
    forth, back = info_nce(scale * u, v, key, key)
    return (forth.mean() + back.mean()) / 2


def one(given: argparse.Namespace) -> None:
    """A small warm-up, then one measured pass: seconds, CPU seconds, MB, loss, length of the gradient."""
    torch.set_num_threads(given.threads)
    loss = ours if given.method == "kuamo" else peer_loss(given.peer)
    for rows in (64, given.rows):
        torch.manual_seed(0)
        u, v = (normalize(torch.randn(rows, given.dim), dim=1).requires_grad_() for _ in range(2))
        scale = torch.tensor(1 / 0.07, requires_grad=True)
        before, wall, cpu = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            time.perf_counter(),
            time.process_time(),
        )
        value = loss(u, v, scale)
        value.backward()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(wall, cpu, extra, float(value), float(u.grad.norm()), float(scale.grad))


def floor(given: argparse.Namespace) -> float:
    """Seconds of four products of n × n × d, measured on an eighth of the rows."""
    torch.set_num_threads(given.threads)
    part = given.rows // 8
    u, v = torch.randn(part, given.dim), torch.randn(part, given.dim)
    s = u @ v.T
    start = time.process_time()
    for _ in range(2):
        torch.mm(u, v.T, out=s)
    for _ in range(2):
        s @ v
    return (time.process_time() - start) * 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rows", type=int, default=16384)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--method", choices=["kuamo", "ClipLoss"])
    given = parser.parse_args()
    if given.method:
        one(given)
        return
    print(machine(), f"; torch {torch.__version__}, {given.threads} threads, n = {given.rows}, d = {given.dim}")
    found: dict[str, list[list[float]]] = {"ClipLoss": [], "kuamo": []}
    for _ in range(given.repeats):
        for method, runs in found.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--method", method]
            said = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
            runs.append([float(word) for word in said.stdout.split()])
            wall, cpu, extra, *values = runs[-1]
            print(f"{method:9} wall {wall:6.2f} s, CPU {cpu:6.2f} s, extra {extra:5.0f} MB; {values}", flush=True)
    best = {method: [min(column) for column in zip(*runs, strict=True)] for method, runs in found.items()}
    (wall, cpu, extra, *values), (peer_wall, peer_cpu, peer_extra, *peer_values) = best["kuamo"], best["ClipLoss"]
    apart = max(abs(x - y) / abs(y) for x, y in zip(values, peer_values, strict=True))
    print(
        f"of ClipLoss (best of each): wall {wall / peer_wall:.2f}, CPU {cpu / peer_cpu:.2f}, memory "
        f"1/{peer_extra / extra:.1f}; apart by {apart:.1e}; floor {floor(given):.1f} CPU s\n{machine()}"
    )


if __name__ == "__main__":
    main()
