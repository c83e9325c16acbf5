package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a run did, for people and for programs.
 *
 * @param spec what was computed
 * @param forward what ran forward
 * @param backward what ran backward, null if no gradients were asked for
 * @param output where the results are, null if they were not written
 * @param arrays the results by name
 * @param packed the packed batch, of which {@code spec} is the longest sequence; null if the batch is dense
 */
record Summary(AttentionSpec spec, Report forward, @Nullable Report backward, @Nullable String output, Map<String, Tensor> arrays,
        @Nullable PackedSpec packed) {
    /** The customary count of a backward pass: five matrix products against two. */
    static final double BACKWARD_FLOPS = 2.5;

    /** Of a dense batch. */
    Summary(AttentionSpec spec, Report forward, @Nullable Report backward, @Nullable String output, Map<String, Tensor> arrays) {
        this(spec, forward, backward, output, arrays, null);
    }

    private double forwardFlops() {
        return packed == null ? spec.forwardFlops() : 4.0 * spec.headDim() * packed.visiblePairs();
    }

    /** Lines for people. */
    List<String> lines() {
        Table table = new Table();
        row(table, "forward", forward);
        if (backward != null) {
            row(table, "backward", backward);
        }
        String results = arrays.entrySet().stream()
                .map(array -> array.getKey() + " " + shape(array.getValue()))
                .collect(Collectors.joining(", "));
        List<String> lines = new ArrayList<>();
        lines.add("%s attention, %s".formatted(forward.algorithm(), packed == null ? spec : packed));
        lines.add("backend %s%s on %s".formatted(
                forward.backend(), forward.driver() == null ? "" : " (" + forward.driver() + ")", forward.device()));
        lines.addAll(table.lines());
        lines.addAll(remarks());
        lines.add((output == null ? "not written (--out OUT.npz writes it): " : "wrote " + output + ": ") + results);
        return lines;
    }

    /** A single call, cold: no rate, which would say more about compilers than about attention. */
    private static void row(Table table, String direction, Report report) {
        List<String> cells = new ArrayList<>(List.of(direction, Numbers.time(report.wallNanos())));
        if (report.kernelNanos() > 0) {
            cells.add("in kernels " + Numbers.time(report.kernelNanos())
                    + (report.compileNanos() > 0 ? ", compiling " + Numbers.time(report.compileNanos()) : ""));
        }
        cells.add("extra memory " + Numbers.bytes(report.extraBytes()));
        cells.add(String.join(", ", report.kernels()));
        table.row(cells.toArray(String[]::new));
    }

    private List<String> remarks() {
        Set<String> remarks = new LinkedHashSet<>(forward.remarks());
        if (backward != null) {
            remarks.addAll(backward.remarks());
        }
        return List.copyOf(remarks);
    }

    private static String shape(Tensor tensor) {
        return Arrays.toString(tensor.shape());
    }

    /** The same for programs: a map that becomes one JSON object. */
    Map<String, Object> json() {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("backend", forward.backend());
        json.put("driver", forward.driver());
        json.put("device", forward.device());
        json.put("algorithm", forward.algorithm());
        json.put("dtype", spec.dtype().toString());
        json.put("batch", packed == null ? spec.batch() : packed.sequences());
        json.put("heads", spec.heads());
        json.put("kv_heads", spec.kvHeads());
        json.put("seq_q", spec.seqQ());
        json.put("seq_k", spec.seqK());
        if (packed != null) {
            json.put("total_q", packed.totalQ());
            json.put("total_k", packed.totalK());
        }
        json.put("head_dim", spec.headDim());
        json.put("scale", spec.scale());
        json.put("causal", spec.causal() == Causal.NONE
                ? null
                : spec.causal().name().toLowerCase(Locale.ROOT).replace('_', '-'));
        json.put("forward", json(forward, forwardFlops()));
        json.put("backward", backward == null ? null : json(backward, BACKWARD_FLOPS * forwardFlops()));
        json.put("remarks", remarks());
        json.put("output", output);
        Map<String, Object> shapes = new LinkedHashMap<>();
        arrays.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        json.put("arrays", shapes);
        return json;
    }

    private static Map<String, Object> json(Report report, double flops) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("kernels", report.kernels());
        json.put("kernel_ms", milliseconds(report.kernelNanos()));
        json.put("compile_ms", milliseconds(report.compileNanos()));
        json.put("wall_ms", milliseconds(report.wallNanos()));
        json.put("flops", flops);
        json.put("extra_bytes", report.extraBytes());
        return json;
    }

    private static @Nullable Double milliseconds(long nanos) {
        return nanos < 0 ? null : nanos / 1e6;
    }
}
