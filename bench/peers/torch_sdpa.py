#!/usr/bin/env python3
"""PyTorch's scaled dot product attention on a GPU, path by path, in the results format of scripts/bench.

usage: torch_sdpa.py [--quick] [--dtype fp32,fp16,bf16] [--path flash,math,...] [--causal no,yes] [--runs 20] [--seconds 1]
                     [--minutes M] [--out FILE.jsonl] [--only K=V|W,...] [--list] [b,h,n,d ...]

Without shapes: those of scripts/bench device and paper; --only leaves those measurements of them that have these values, and
--list shows them and measures nothing. What FILE.jsonl holds already is not measured again. Every result is compared with
float64 first: rows of out and dq, and where a head's matrix fits, all of its dk and dv.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import time

PATHS = ["flash", "memory-efficient", "cudnn", "math"]
TOLERANCE = {"fp32": 5e-5, "fp16": 5e-3, "bf16": 4e-2}  # share of a tensor's largest value
WHOLE_HEAD = 8192  # longest sequence whose matrix of one head is made in float64
PAUSE_CYCLES = 3_000_000  # some 1.7 ms, in which a call is launched several times over
OUT_OF_MEMORY = "out-of-memory"
IDENTITY = ["algorithm", "dtype", "direction", "batch", "heads", "seq_q", "head_dim", "causal", "device"]
# what --only can ask of results, as in the rest of scripts/bench
FIELDS = ["backend", "driver", "device", "algorithm", "dtype", "direction", "batch", "heads", "kv_heads", "seq_q", "seq_k",
          "head_dim", "causal", "dropout", "key_mask", "density", "threads", "block", "units"]
DIRECTIONS = ["forward", "backward", "both"]


def grid(quick):
    if quick:
        return [(1, 16, 512, 64), (1, 16, 1024, 64), (1, 16, 4096, 64), (1, 16, 4096, 128)]
    shapes = [(1, 16, 512, 64), (1, 16, 1024, 64), (1, 16, 4096, 64), (1, 16, 4096, 128), (64, 16, 1024, 64)]
    shapes += [(16384 // n, 2048 // d, n, d) for d in (64, 128) for n in (512, 1024, 2048, 4096, 8192, 16384)]
    return shapes + [(16, 8, n, 64) for n in (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)]


def present(path):
    """What a file holds that needs not be measured again; lines that are no results are skipped."""
    done = set()
    if path and os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                try:
                    result = json.loads(line)
                    if result["backend"] == "pytorch" and (not result.get("error") or result["error"].startswith(OUT_OF_MEMORY)):
                        done.add(tuple(result.get(field) for field in IDENTITY))
                except (ValueError, KeyError, TypeError):
                    if line.strip():
                        print(f"torch_sdpa: {path}:{number}: no result, skipped", file=sys.stderr)
    return done


def append(path, line):
    """One write of one line, on a line of its own even where the last one was cut off."""
    with open(path, "ab+") as file:
        file.seek(0, os.SEEK_END)
        cut = False
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            cut = file.read(1) != b"\n"
        file.write((("\n" if cut else "") + json.dumps(line) + "\n").encode())


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


def refuse(reason):
    print(f"torch_sdpa: {reason}", file=sys.stderr)
    sys.exit(2)


def words(text, known, name):
    chosen = text.split(",")
    for word in chosen:
        if word not in known:
            refuse(f"--{name} '{word}': known are {', '.join(known)}")
    return chosen


def shape(text):
    try:
        numbers = tuple(int(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or min(numbers) < 1:
        refuse(f"shape '{text}' must be four whole numbers: batch,heads,sequence,head dim")
    return numbers


def only(texts):
    """The values that --only allows, by field."""
    wanted = {}
    for word in ",".join(texts).split(",") if texts else []:
        field, equals, values = word.partition("=")
        if not equals:
            refuse(f"--only '{word}' must be field=value")
        if field not in FIELDS:
            refuse(f"--only {field}: known are {', '.join(FIELDS)}")
        wanted[field] = values.split("|")
    return wanted


def plain(value):
    """A value as it is written after --only: 1 for 1.0, true for True, null for what is unknown."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).replace(" ", "")


def asked(result, wanted):
    """Whether a result, measured or not, has all these values; a device that is not known yet may be any."""
    return all(plain(result.get(field)) in values for field, values in wanted.items() if field != "device" or "device" in result)


def measurements(shapes, dtypes, causals, paths, wanted, known):
    """What is asked for: fields that are the same in all directions, and the directions."""
    for b, h, n, d in dict.fromkeys(shapes):
        for dtype in dtypes:
            for causal in causals:
                for path in paths:
                    common = {
                        "backend": "pytorch", "driver": "cuda", **known, "algorithm": path, "dtype": dtype,
                        "batch": b, "heads": h, "kv_heads": h, "seq_q": n, "seq_k": n, "head_dim": d, "causal": causal,
                        "dropout": 0.0, "density": 1.0, "threads": None, "block": None,
                        "date": datetime.date.today().isoformat(),
                        "command": f"bench/peers/torch_sdpa.py --dtype {dtype} --path {path} "
                                   f"--causal {'yes' if causal else 'no'} {b},{h},{n},{d}",
                    }
                    directions = [direction for direction in DIRECTIONS if asked({**common, "direction": direction}, wanted)]
                    if directions:
                        yield common, directions


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--dtype", default="fp32,fp16,bf16")
    parser.add_argument("--path", default=",".join(PATHS))
    parser.add_argument("--causal", default="no,yes")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--out")
    parser.add_argument("--only", action="append", metavar="K=V|W,...")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    dtypes = words(options.dtype, list(TOLERANCE), "dtype")
    paths = words(options.path, PATHS, "path")
    causals = [word == "yes" for word in words(options.causal, ["no", "yes"], "causal")]
    shapes = [shape(text) for text in options.shapes] or grid(options.quick)
    grids = (shapes, dtypes, causals, paths, only(options.only))
    listed = list(measurements(*grids, {}))
    if options.list:
        for common, directions in listed:
            print(f"{what(common)}: {', '.join(directions)}")
        return 0
    if not listed:
        refuse("no measurement of the grid is what --only asks for")
    try:
        import torch
    except ImportError:
        print("torch_sdpa: PyTorch is missing, skipped", file=sys.stderr)
        return 0
    if not torch.cuda.is_available():
        print("torch_sdpa: no GPU that PyTorch can use, skipped", file=sys.stderr)
        return 0
    torch.backends.cuda.matmul.allow_tf32 = False
    start = time.monotonic()
    done = present(options.out)
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda, "driver": first_line(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]),
        "commit": os.environ.get("ATTENTION_COMMIT") or first_line(
            ["git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "--short", "HEAD"])}
    exit_code = 0
    for common, directions in measurements(*grids, {"device": torch.cuda.get_device_name(), "versions": versions}):
        if time.monotonic() - start > options.minutes * 60:
            print(f"stopped after {options.minutes} minutes; the same command goes on")
            return exit_code
        missing = [direction for direction in directions
                   if tuple({**common, "direction": direction}[field] for field in IDENTITY) not in done]
        if missing:
            for line in measure(torch, common, missing, options):
                show(line)
                exit_code = 1 if line["error"] and not line["error"].startswith(OUT_OF_MEMORY) else exit_code
                if options.out:
                    append(options.out, line)
    return exit_code


def measure(torch, common, directions, options):
    """Results of one path, one line a direction; none where the path does not do this."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    import warnings
    backend = {"flash": SDPBackend.FLASH_ATTENTION, "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
               "cudnn": SDPBackend.CUDNN_ATTENTION, "math": SDPBackend.MATH}[common["algorithm"]]
    b, h, n, d = (common[field] for field in ("batch", "heads", "seq_q", "head_dim"))
    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[common["dtype"]]
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    failure = None
    try:
        torch.manual_seed(1)
        normal = lambda: torch.randn(b, h, n, d, device="cuda", dtype=dtype)
        q, k, v = normal(), normal(), normal()
        for x in (q, k, v):
            x.requires_grad_(True)
        with warnings.catch_warnings(), sdpa_kernel(backend):
            warnings.simplefilter("ignore")
            forward = lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=common["causal"])
            backward = lambda: torch.autograd.grad(out, (q, k, v), grad, retain_graph=True)
            out = forward()
            forward_memory = torch.cuda.max_memory_allocated()
            grad = normal()
            gradients = backward()
            memory = torch.cuda.max_memory_allocated()
            error, right = check(torch, common, q, k, v, grad, out, gradients)
            del gradients
            if right:
                steps = {"forward": forward, "backward": backward,
                         "both": lambda: torch.autograd.grad(forward(), (q, k, v), grad)}
                times = {direction: timed(torch, steps[direction], options) for direction in directions}
    except torch.OutOfMemoryError as e:
        failure = f"{OUT_OF_MEMORY}: {str(e).splitlines()[0][:150]}"
    except RuntimeError as e:
        print(f"torch_sdpa: {common['algorithm']} {common['dtype']} d{d}: {str(e).splitlines()[0][:100]}, left out",
              file=sys.stderr)
        return
    pairs = b * h * (n * (n + 1) // 2 if common["causal"] else n * n)
    for direction in directions:
        line = {**common, "direction": direction, "median_ms": None, "p10_ms": None, "p90_ms": None, "runs": None, "tflops": None,
                "max_abs_error": None, "checked": False, "error": failure}
        if failure is None:
            line.update(max_abs_error=error, checked=right,
                        peak_device_bytes=forward_memory if direction == "forward" else memory)
            if right:
                line.update(times[direction])
                line["tflops"] = {"forward": 1, "backward": 2.5, "both": 3.5}[direction] * 4 * pairs * d / line["median_ms"] / 1e9
            else:
                line["error"] = f"wrong result: off by {error:.1e}"
        yield line


def check(torch, common, q, k, v, grad, out, gradients):
    """The largest error, and whether each tensor's is a small share of its largest value."""
    n, d = common["seq_q"], common["head_dim"]
    rows = torch.randint(n, (4,), device="cuda")
    rows[0] = n - 1
    worst, right = 0.0, True

    def compare(actual, expected):
        nonlocal worst, right
        error = (actual.double() - expected).abs().max().item()
        worst = error if not error <= worst else worst
        right = right and error <= TOLERANCE[common["dtype"]] * expected.abs().max().item() + 1e-7

    with torch.no_grad():
        for head in range(min(2, common["heads"])):
            qh, kh, vh, gh, oh = (x[-1, head].double() for x in (q, k, v, grad, out))
            index = torch.arange(n, device="cuda") if n <= WHOLE_HEAD else rows
            s = qh[index] @ kh.T / d**0.5
            if common["causal"]:
                s = s.masked_fill(torch.arange(n, device="cuda")[None, :] > index[:, None], float("-inf"))
            p = torch.softmax(s, -1)
            exact = p @ vh
            compare(oh[index], exact)
            ds = p * (gh[index] @ vh.T - (gh[index] * exact).sum(-1, keepdim=True)) / d**0.5
            compare(gradients[0][-1, head][index], ds @ kh)
            if n <= WHOLE_HEAD:
                compare(gradients[1][-1, head], ds.T @ qh)
                compare(gradients[2][-1, head], p.T @ gh)
    return worst, right


def timed(torch, step, options):
    """Milliseconds by the GPU's own clock: median and spread. The GPU pauses until all of a run is queued: no launch is timed."""
    def once():
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda._sleep(PAUSE_CYCLES)
        start.record()
        step()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end)

    once()
    warm = once()
    if warm < 100:
        once()
    runs = int(max(3, min(options.runs, 1000 * options.seconds / warm)))
    times = sorted(once() for _ in range(runs))
    share = lambda part: times[round(part * (runs - 1))]
    return {"median_ms": share(0.5), "p10_ms": share(0.1), "p90_ms": share(0.9), "runs": runs}


def what(line):
    return (f"pytorch {line['algorithm']:16} {line['dtype']} b{line['batch']} h{line['heads']} n{line['seq_q']} "
            f"d{line['head_dim']}{' causal' if line['causal'] else ''}")


def show(line):
    measured = f"{what(line)} {line['direction']}"
    if line["error"]:
        print(f"{measured}  {line['error']}")
    else:
        print(f"{measured}  {line['median_ms']:.4g} ms ({line['p10_ms']:.4g}..{line['p90_ms']:.4g})  {line['tflops']:.2f} TFLOP/s"
              f"  error {line['max_abs_error']:.1e}")


sys.exit(main())
