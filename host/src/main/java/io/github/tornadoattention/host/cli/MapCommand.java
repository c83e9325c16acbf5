package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionMaps;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.npy.NpzWriter;
import io.github.tornadoattention.host.npy.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attention map}: which query looks at which key. */
@Command(name = "map",
        description = "Computes attention and writes the probabilities of chosen queries, as numbers or as a picture.")
final class MapCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(paramLabel = "IN.npz", description = "Arrays as for run.")
    private Path input;

    @Option(names = "--rows", required = true, paramLabel = "LIST", description = "Queries, such as 0,5,9-12.")
    private String rows;

    @Option(names = "--heads", paramLabel = "LIST", description = "Query heads, such as 0-3; default: all.")
    private @Nullable String heads;

    @Option(names = "--out", required = true, paramLabel = "FILE",
            description = "map.npz gets map [batch, heads, rows, keys] in float32; map.png a picture.")
    private Path output;

    @Mixin
    private BackendFlags backendFlags;

    @Mixin
    private SpecFlags specFlags;

    MapCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        String name = output.toString().toLowerCase(Locale.ROOT);
        if (!name.endsWith(".npz") && !name.endsWith(".png")) {
            throw new UsageException("--out %s: must end with .npz or .png".formatted(output));
        }
        if (Files.exists(output) && Files.exists(input) && Files.isSameFile(input, output)) {
            throw new UsageException("--out %s is an input; the map goes to a file of its own".formatted(output));
        }
        Options options = specFlags.options();
        Backend backend = backendFlags.backend();
        try (ArraySource source = ArraySource.npz(input)) {
            Problem problem = Problem.of(source, specFlags.layout(), options);
            AttentionSpec spec = problem.spec();
            int[] chosenRows = Choice.of("--rows", rows, spec.seqQ());
            int[] chosenHeads = heads == null ? IntStream.range(0, spec.heads()).toArray()
                    : Choice.of("--heads", heads, spec.heads());
            try (OutputFile file = OutputFile.open(output);
                    Attention attention = Attention.on(backend, spec, backendFlags.algorithm())) {
                Forward forward = attention.forward(problem.inputs());
                Tensor map = AttentionMaps.of(spec, forward, chosenHeads, chosenRows);
                if (name.endsWith(".png")) {
                    file.commit(out -> MapPicture.write(map, out));
                } else {
                    file.commit(out -> NpzWriter.write(out, Map.of("map", map), NpzWriter.Packing.STORED));
                }
                terminal.print("%s attention, %s".formatted(forward.report().algorithm(), spec));
                terminal.print("backend %s on %s; probabilities from lse in float64".formatted(forward.report().backend(),
                        forward.report().device()));
                terminal.print("wrote %s: map %s".formatted(output, Arrays.toString(map.shape())));
            }
        }
        return Failure.DONE;
    }
}
