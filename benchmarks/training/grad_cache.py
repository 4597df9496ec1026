"""Claim: encoders train end to end by contrast at any batch size, in the memory of a chunk, with the batch's gradients.

    KUAMO_DATA=… python -m benchmarks grad_cache [--batches 512 2048 8192] [--chunk 128] [--peer FOLDER]

Pictures of MNIST and spoken digits from the cells on; each row of the table below is a process of its own, whose memory
is the peak of a step beyond what the table and the held cells take. Time is CPU seconds a step, without the first. The
floor of the price is one forward more: 4/3 of the whole batch's time, where backward costs two forwards.
`--peer`: a folder with the package `grad-cache` (pip install --no-deps --target FOLDER GradCache), which runs the same
networks on the same batch, with its own loop.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.encoders import AudioCNN, ImageCNN
from kuamo.encoders.base import collate
from kuamo.fitting.gradient import add_heads
from kuamo.fitting.towers import open_ports
from kuamo.training.batch import Source, batch_of
from kuamo.training.players import Optimization
from kuamo.training.randomness import forked_rng
from kuamo.training.run import Prepared

DIM = 64


def resident():
    """MB in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


class Peak:
    """The most memory in use inside a `with`, looked at every two milliseconds."""

    def __enter__(self):
        gc.collect()
        self.before = self.most = resident()
        self.watching = True
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while self.watching:
            self.most = max(self.most, resident())
            time.sleep(0.002)

    def __exit__(self, *_):
        self.watching = False
        self.thread.join()
        self.extra = self.most - self.before


def setting(rows, seed=0):
    """A table of so many rows, and a space with fresh encoders."""
    table = km.datasets.digits(rows=rows, seed=seed).select("image", "audio")
    torch.manual_seed(seed)
    encoders = {
        "image": ImageCNN(size=28, dim=128, width=24, in_place=True),
        "audio": AudioCNN(dim=128, width=24, rate=8000, mels=40, n_fft=256, hop=80, trim=40.0, frames=48),
    }
    space = km.Space(open_ports(table, encoders, {})[0])
    add_heads(space, Prepared(table, {}), frozenset({"pairs"}), DIM, seed)
    return table, space


def ours(batch, chunk, steps):
    """(seconds a step, extra MB, gradient's norm) of kuamo's loop."""
    table, space = setting(batch)
    sources = {port.name: Source(table, port, None, chunk) for port in space.ports}
    rows, seconds = np.arange(len(table)), []
    for source in sources.values():
        source.cells(rows, rows)  # cells are read once, and held
        list(map(source._item, range(len(source.row))))
    game = Optimization(space, km.InfoNCE(), km.Training(steps=10, optimizer="sgd", lr=0.0))
    for module in space.modules():
        module.train()
    with Peak() as peak:
        for step in range(steps):
            start = time.process_time()
            game.play("space", batch_of(sources, rows), sources, (0, step), {})
            seconds.append(time.process_time() - start)
    norm = sum(float(p.grad.double().square().sum()) for p in game.parameters["space"]) ** 0.5
    return min(seconds[1:]), peak.extra, norm


def theirs(batch, chunk, steps, folder):
    """The same of GradCache's loop, with the usual loss on the whole matrix."""
    sys.path.insert(0, folder)
    import gradcache

    sys.modules["grad_cache"] = gradcache  # version 0.0.1 looks for itself under its older name
    from gradcache.grad_cache import GradCache

    table, space = setting(batch)
    sources = {port.name: Source(table, port, None) for port in space.ports}
    seconds: list[float] = []
    log_scale = torch.nn.Parameter(torch.tensor(float(np.log(1 / 0.07))))

    def loss(a, b):
        a, b = torch.nn.functional.normalize(a, dim=1), torch.nn.functional.normalize(b, dim=1)
        scores = log_scale.exp() * a @ b.T
        right = torch.arange(len(a))
        return (
            torch.nn.functional.cross_entropy(scores, right) + torch.nn.functional.cross_entropy(scores.T, right)
        ) / 2

    class Whole(torch.nn.Module):
        def __init__(self, port):
            super().__init__()
            self.encoder, self.head = port.encoder, port.head

        def forward(self, *x):
            return self.head(self.encoder(x if len(x) > 1 else x[0])).mean

    models = [Whole(port) for port in space.ports]
    cache = GradCache(models=models, chunk_sizes=chunk, loss_fn=loss)
    parameters = [p for model in models for p in model.parameters() if p.requires_grad]
    items = {name: [source._item(k) for k in range(len(source.row))] for name, source in sources.items()}
    with Peak() as peak:
        for _ in range(steps):
            start = time.process_time()
            for parameter in [*parameters, log_scale]:
                parameter.grad = None
            batches = (collate(space.port(name).encoder, items[name], name) for name in items)
            cache(*(list(batch) if isinstance(batch, tuple) else batch for batch in batches))
            seconds.append(time.process_time() - start)
    norm = sum(float(p.grad.double().square().sum()) for p in [*parameters, log_scale]) ** 0.5
    return min(seconds[1:]), peak.extra, norm


def child(who, batch, chunk, steps, folder=None):
    command = [sys.executable, __file__, "--child", json.dumps([who, batch, chunk, steps, folder])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, nargs="+", default=[512, 2048, 8192])
    parser.add_argument("--chunk", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--peer")
    parser.add_argument("--child")
    given = parser.parse_args()
    if given.child:
        who, batch, chunk, steps, folder = json.loads(given.child)
        with single_threaded_torch(), forked_rng(0):
            found = ours(batch, chunk, steps) if who == "kuamo" else theirs(batch, chunk, steps, folder)
        print(json.dumps(found))
        return
    print(machine(), flush=True)
    for batch in given.batches:
        runs = {
            "kuamo, whole": ("kuamo", batch, None),
            f"kuamo, chunks of {given.chunk}": ("kuamo", batch, given.chunk),
        }
        if given.peer:
            runs[f"GradCache, chunks of {given.chunk}"] = ("peer", batch, given.chunk)
        whole = None
        for name, run in runs.items():
            seconds, extra, norm = child(*run, given.steps, given.peer)
            whole = whole or (seconds, norm)
            print(
                f"batch {batch:,}, {name}: {seconds:.2f} CPU s a step ({seconds / whole[0]:.2f}), +{extra:.0f} MB, "
                f"norm of the gradient {norm:.6g} (apart by {abs(norm / whole[1] - 1):.1e})",
                flush=True,
            )
    print(machine())


if __name__ == "__main__":
    main()
