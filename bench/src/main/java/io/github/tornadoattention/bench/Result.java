package io.github.tornadoattention.bench;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One measurement: one line of the results format, one JSON object. Fields that nobody sets are null, which means unknown. Times are in milliseconds, sizes in
 * bytes; FLOPs are counted as 4 * headDim for each visible pair of query and key, 2.5 times that backward and 3.5 times for both.
 */
public final class Result {
    /** Every field, in the order in which it is written. */
    public static final List<String> FIELDS = List.of("backend", "driver", "device", "algorithm", "dtype", "direction", "batch", "heads", "kv_heads", "seq_q",
            "seq_k", "head_dim", "causal", "dropout", "density", "threads", "block", "median_ms", "p10_ms", "p90_ms", "wall_median_ms", "jit_ms", "runs",
            "tflops", "executed_tflops", "bytes_model", "gb_per_s", "peak_device_bytes", "max_abs_error", "checked", "ceiling_fraction", "error", "versions",
            "command", "date");

    private final Map<String, @Nullable Object> fields = new LinkedHashMap<>();

    /** A result with all fields unknown. */
    public Result() {
        FIELDS.forEach(field -> fields.put(field, null));
    }

    /**
     * Sets a field.
     *
     * @throws IllegalArgumentException if there is no field of this name
     */
    public Result with(String field, @Nullable Object value) {
        if (!fields.containsKey(field)) {
            throw new IllegalArgumentException("no field '%s' in the results format".formatted(field));
        }
        fields.put(field, value);
        return this;
    }

    /** Sets the fields that a spec answers. */
    public Result with(AttentionSpec spec) {
        return with("batch", spec.batch()).with("heads", spec.heads()).with("kv_heads", spec.kvHeads()).with("seq_q", spec.seqQ()).with("seq_k", spec.seqK())
                .with("head_dim", spec.headDim()).with("causal", spec.causal() != Causal.NONE).with("dropout", 0.0)
                .with("density", spec.blockMask() == null ? 1.0 : spec.blockMask().density());
    }

    /** The value of a field, null if unknown. */
    public @Nullable Object get(String field) {
        return fields.get(field);
    }

    /** The value of a number field; NaN if unknown. */
    public double number(String field) {
        return fields.get(field) instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /** The line, without its end. */
    public String json() {
        try {
            return JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(fields);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Appends the line to a file, whole or not at all. */
    public void appendTo(Path file) throws IOException {
        ByteBuffer line = ByteBuffer.wrap((json() + "\n").getBytes(StandardCharsets.UTF_8));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND)) {
            channel.write(line);
        }
    }
}
