package io.github.tornadoattention.host.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.tornado.KernelTraffic;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attention trace}: the bytes that each kernel moves, by calculation. */
@Command(name = "trace", description = "Shows the bytes that each kernel moves between global and local memory, by calculation.")
final class TraceCommand implements Callable<Integer> {
    private static final int SHAPE = 4;
    private static final int BLOCK_SIZE = 64;

    /** What multiplies in the flash kernels that are counted. */
    private enum Units {
        /** Multiply-adds of float32: the kernels that run everywhere. */
        FMA,
        /** Tensor cores: the kernels that CUDA devices run where they take the spec. */
        TENSOR
    }

    private final Terminal terminal;

    @Parameters(arity = "0..1", paramLabel = "IN.npz", description = "Arrays q, k, v whose shapes and options count.")
    private @Nullable Path input;

    @Option(names = "--shape", paramLabel = "B,H,N,D", converter = SpecFlags.IntegersConverter.class,
            description = "Batch, heads, sequence and head dim, instead of a file.")
    private SpecFlags.@Nullable Integers shape;

    @Option(names = "--seq-k", paramLabel = "M", description = "Keys, where --shape is given and they are not N.")
    private @Nullable Integer seqK;

    @Option(names = "--kv-heads", paramLabel = "HKV", description = "Key/value heads, where --shape is given and they are not H.")
    private @Nullable Integer kvHeads;

    @Option(names = "--block", paramLabel = "Br,Bc", converter = SpecFlags.IntegersConverter.class,
            description = "Tiles of Br queries and Bc keys; default: what the host takes with 48 KiB of local memory.")
    private SpecFlags.@Nullable Integers block;

    @Option(names = "--density", paramLabel = "S",
            description = "Share of blocks that a random block mask sets, 0..1, where --shape is given; "
            + "its blocks are of --block-size, default 64.")
    private @Nullable Double density;

    @Option(names = "--density-seed", paramLabel = "N", description = "Which of the masks of --density; default 1.")
    private @Nullable Long densitySeed;

    @Option(names = "--units", paramLabel = "fma|tensor", defaultValue = "fma",
            description = "Which flash kernels: those of multiply-adds, which run everywhere, or those on tensor cores, which "
                    + "CUDA devices run (float32 as two float16, or with --dtype fp16 or bf16); default: fma.")
    private Units units;

    @Option(names = "--ncu", paramLabel = "FILE.csv",
            description = "Put the bytes beside it that NVIDIA's profiler counted: the output of "
            + "ncu --csv --metrics " + ProfilerTraffic.METRICS + ".")
    private @Nullable Path profile;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private SpecFlags specFlags;

    TraceCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        AttentionSpec spec = spec();
        TrafficModel flash = flash(spec);
        TrafficModel standard = TrafficModel.of(spec, Algorithm.STANDARD);
        ProfilerTraffic measured = profile == null ? null : ProfilerTraffic.read(profile);
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("spec", spec.toString());
            object.put("visible_pairs", spec.visiblePairs());
            object.put("units", units.name().toLowerCase(Locale.ROOT));
            object.put("standard", json(standard));
            object.put("flash", json(flash));
            if (measured != null) {
                object.put("ncu", measured.kernels());
            }
            terminal.print(JSON.std.asString(object));
        } else {
            print(spec, standard, flash);
            if (measured != null) {
                terminal.print("");
                measured.lines().forEach(terminal::print);
            }
        }
        return Failure.DONE;
    }

    private AttentionSpec spec() {
        if ((input == null) == (shape == null)) {
            throw new UsageException("give either IN.npz or --shape B,H,N,D");
        }
        Options options = specFlags.options();
        if (units == Units.FMA && options.dtype() != DType.FP32) {
            throw new UsageException(("--dtype %s: the kernels of multiply-adds are counted in float32; --units tensor counts "
                    + "16-bit types").formatted(options.dtype().name().toLowerCase(Locale.ROOT)));
        }
        if (densitySeed != null && density == null) {
            throw new UsageException("--density-seed means nothing without --density");
        }
        if (input != null) {
            if (density != null) {
                throw new UsageException("--density means nothing without --shape");
            }
            if (seqK != null || kvHeads != null) {
                throw new UsageException("%s means nothing without --shape".formatted(seqK != null ? "--seq-k" : "--kv-heads"));
            }
            try (ArraySource source = ArraySource.npz(input)) {
                return Problem.of(source, specFlags.layout(), options).spec();
            }
        }
        return ofShape(shape == null ? new int[0] : shape.values(), options);
    }

    private AttentionSpec ofShape(int[] lengths, Options options) {
        if (lengths.length != SHAPE) {
            throw new UsageException("--shape has %d numbers, must have four: B,H,N,D".formatted(lengths.length));
        }
        if (options.blockSize() != 0 && density == null) {
            throw new UsageException("--block-size needs a file with the array block_mask, or --density");
        }
        try {
            SpecBuilder spec = AttentionSpec.builder(lengths[0], lengths[1], lengths[2], lengths[3])
                    .seqK(seqK == null ? lengths[2] : seqK)
                    .kvHeads(kvHeads == null ? lengths[1] : kvHeads)
                    .causal(options.causal())
                    .window(options.windowLeft(), options.windowRight())
                    .softcap(options.softcap())
                    .dtype(options.dtype());
            if (options.keyLengths() != null) {
                spec.keyLengths(options.keyLengths());
            }
            if (options.alibi()) {
                spec.alibi();
            }
            if (density != null) {
                int size = options.blockSize() == 0 ? BLOCK_SIZE : options.blockSize();
                spec.blockMask(BlockMasks.random(lengths[2], seqK == null ? lengths[2] : seqK, size, density,
                        densitySeed == null ? 1 : densitySeed));
            }
            return spec.build();
        } catch (IllegalArgumentException e) {
            throw new UsageException("--shape: %s".formatted(e.getMessage()), e);
        }
    }

    private TrafficModel flash(AttentionSpec spec) {
        if (block == null) {
            return units == Units.TENSOR ? TrafficModel.onTensorCores(spec) : TrafficModel.of(spec, Algorithm.FLASH);
        }
        if (units == Units.TENSOR) {
            throw new UsageException("--block goes with --units fma: on tensor cores, tiles are those that the host takes");
        }
        if (block.values().length != 2) {
            throw new UsageException("--block has %d numbers, must have two: Br,Bc".formatted(block.values().length));
        }
        return TrafficModel.ofBlocks(spec, block.values()[0], block.values()[1]);
    }

    private void print(AttentionSpec spec, TrafficModel standard, TrafficModel flash) {
        terminal.print(spec.toString());
        for (TrafficModel model : List.of(standard, flash)) {
            terminal.print("");
            terminal.print(title(model));
            Table table = new Table().row("kernel", "array", "read", "written", "read once", "written once");
            for (KernelTraffic launch : launches(model)) {
                table.row(launch.task(), "", "", "", "", "");
                for (KernelTraffic.Moved moved : launch.arrays()) {
                    if (moved.read() == 0 && moved.written() == 0) {
                        continue; // an argument that this type does not need
                    }
                    table.row("", moved.array(), bytes(moved.read()), bytes(moved.written()), bytes(moved.readOnce()),
                            bytes(moved.writtenOnce()));
                }
            }
            table.lines().forEach(line -> terminal.print("  " + line));
            launches(model).stream().filter(launch -> !launch.tile().isEmpty()).forEach(launch -> terminal.print(
                    "  %s: tiles of %s, %s of local memory a group%s".formatted(launch.task(), launch.tile(),
                            Numbers.bytes(launch.localBytes()), local(launch.local()))));
        }
        terminal.print("");
        Table totals = new Table().row("", "moved by work-items", "", "", "each element once a launch", "", "")
                .row("direction", "standard", "flash", "ratio", "standard", "flash", "ratio");
        for (String direction : List.of("forward", "backward", "both")) {
            totals.row(direction, Numbers.bytes(standard.bytes(direction)), Numbers.bytes(flash.bytes(direction)),
                    "%.1f".formatted((double) standard.bytes(direction) / flash.bytes(direction)),
                    Numbers.bytes(standard.bytesOnce(direction)), Numbers.bytes(flash.bytesOnce(direction)),
                    "%.1f".formatted((double) standard.bytesOnce(direction) / flash.bytesOnce(direction)));
        }
        totals.lines().forEach(terminal::print);
        terminal.print("");
        terminal.print("moved by work-items: as if no cache held anything; once a launch: as if a cache held everything. "
                + "Device memory sees something in between.");
    }

    private String title(TrafficModel model) {
        if (model.algorithm() == Algorithm.STANDARD) {
            return "standard attention (multiply-adds)";
        }
        if (units == Units.FMA) {
            return "flash attention (--units fma: multiply-adds of float32, as on OpenCL)";
        }
        return "flash attention (--units tensor: tensor cores, as on CUDA; %s)"
                .formatted(model.spec().dtype() == DType.FP32 ? "float32 as two float16"
                        : model.spec().dtype().name().toLowerCase(Locale.ROOT));
    }

    private static String local(KernelTraffic.@Nullable Local local) {
        return local == null ? ""
                : "; %s read from it, %s written".formatted(Numbers.bytes(local.read()), Numbers.bytes(local.written()));
    }

    private static String bytes(long bytes) {
        return bytes == 0 ? "" : Numbers.bytes(bytes);
    }

    private static List<KernelTraffic> launches(TrafficModel model) {
        List<KernelTraffic> launches = new ArrayList<>(model.forward());
        launches.addAll(model.backward());
        return launches;
    }

    private static Map<String, Object> json(TrafficModel model) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (String direction : List.of("forward", "backward", "both")) {
            object.put(direction, Map.of("bytes", model.bytes(direction), "bytes_once", model.bytesOnce(direction)));
        }
        object.put("launches", launches(model).stream().map(TraceCommand::json).toList());
        return object;
    }

    private static Map<String, Object> json(KernelTraffic launch) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("task", launch.task());
        object.put("tile", launch.tile());
        object.put("local_bytes", launch.localBytes());
        KernelTraffic.Local local = launch.local();
        if (local != null) {
            object.put("local_bytes_read", local.read());
            object.put("local_bytes_written", local.written());
        }
        object.put("bytes", launch.bytes());
        object.put("bytes_once", launch.bytesOnce());
        List<Map<String, Object>> arrays = new ArrayList<>();
        for (KernelTraffic.Moved moved : launch.arrays()) {
            Map<String, Object> array = new LinkedHashMap<>();
            array.put("array", moved.array());
            array.put("read", moved.read());
            array.put("written", moved.written());
            array.put("read_once", moved.readOnce());
            array.put("written_once", moved.writtenOnce());
            arrays.add(array);
        }
        object.put("arrays", arrays);
        return object;
    }
}
