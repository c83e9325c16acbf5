#!/usr/bin/env python3
"""PyTorch's scaled dot product attention on a GPU, path by path, in the results format of scripts/bench.

usage: torch_sdpa.py [--dtype fp32] [--causal] [--runs 20] [--out FILE.jsonl] b,h,n,d [b,h,n,d ...]
"""
import argparse
import datetime
import json
import sys


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shapes", nargs="+")
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "fp16", "bf16"])
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--out")
    options = parser.parse_args()
    try:
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
    except ImportError:
        print("torch_sdpa: PyTorch is missing, skipped", file=sys.stderr)
        return 0
    if not torch.cuda.is_available():
        print("torch_sdpa: no GPU that PyTorch can use, skipped", file=sys.stderr)
        return 0
    torch.backends.cuda.matmul.allow_tf32 = False
    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[options.dtype]
    paths = {
        "flash": SDPBackend.FLASH_ATTENTION,
        "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
        "cudnn": SDPBackend.CUDNN_ATTENTION,
        "math": SDPBackend.MATH,
    }

    command = " ".join(["bench/peers/torch_sdpa.py", "--dtype", options.dtype, "--runs", str(options.runs)]
                       + (["--causal"] if options.causal else []) + options.shapes)

    def timed(step):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        times = []
        for _ in range(options.runs + 3):
            start.record()
            step()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end))
        times = sorted(times[3:])
        share = lambda p: times[round(p * (len(times) - 1))]
        return share(0.5), share(0.1), share(0.9)

    for shape in options.shapes:
        b, h, n, d = (int(x) for x in shape.split(","))
        torch.manual_seed(1)
        q, k, v, grad = (torch.randn(b, h, n, d, device="cuda", dtype=dtype) for _ in range(4))
        rows = torch.randint(n, (8,), device="cuda")
        s = q[:, :, rows].double() @ k.double().transpose(-1, -2) / d**0.5
        if options.causal:
            s = s.masked_fill(torch.arange(n, device="cuda")[None, :] > rows[:, None], float("-inf"))
        expected = torch.softmax(s, -1) @ v.double()
        for name, path in paths.items():
            for x in (q, k, v):
                x.requires_grad_(True)
                x.grad = None
            try:
                with sdpa_kernel(path):
                    run = lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=options.causal)
                    out = run()
                    error = (out[:, :, rows].double() - expected).abs().max().item()
                    forward = timed(run)
                    backward = timed(lambda: torch.autograd.grad(out, (q, k, v), grad, retain_graph=True))
            except RuntimeError as e:
                print(f"{name}: {str(e).splitlines()[0][:100]}", file=sys.stderr)
                continue
            flops = 4 * b * h * n * n * d * (0.5 if options.causal else 1)
            right = error < (2e-5 if options.dtype == "fp32" else 2e-2)
            for direction, times, factor in (("forward", forward, 1), ("backward", backward, 2.5)):
                median, p10, p90 = times
                line = {
                    "backend": "pytorch", "driver": "cuda", "device": torch.cuda.get_device_name(), "algorithm": name, "dtype": options.dtype,
                    "direction": direction, "batch": b, "heads": h, "kv_heads": h, "seq_q": n, "seq_k": n, "head_dim": d, "causal": options.causal,
                    "dropout": 0.0, "density": 1.0, "median_ms": median, "p10_ms": p10, "p90_ms": p90, "runs": options.runs,
                    "tflops": factor * flops / median / 1e9, "max_abs_error": error, "checked": right,
                    "versions": {"torch": torch.__version__}, "command": command,
                    "date": datetime.date.today().isoformat(),
                }
                if not right:
                    for field in ("median_ms", "p10_ms", "p90_ms", "tflops"):
                        line[field] = None
                    line["error"] = f"wrong result: off by {error:.1e}"
                    print(f"{name}: {line['error']}")
                else:
                    print(f"pytorch {name:16} {options.dtype} {direction:8} {shape:16} median {median:8.3f} ms ({p10:.3f}..{p90:.3f}) "
                          f"{line['tflops']:7.2f} TFLOP/s  error {error:.1e}")
                if options.out:
                    with open(options.out, "a") as file:
                        file.write(json.dumps(line) + "\n")
    return 0


sys.exit(main())
