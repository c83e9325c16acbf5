package io.github.tornadoattention.bench;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One measurement: one line of the results format, one JSON object. Fields that nobody sets are null, which means unknown. Times
 * are in milliseconds, sizes in bytes; FLOPs are counted as 4 * headDim for each visible pair of query and key, 2.5 times that
 * backward and 3.5 times for both.
 */
public final class Result {
    /** Every field, in the order in which it is written. */
    public static final List<String> FIELDS = List.of("backend", "driver", "device", "algorithm", "dtype", "direction", "batch",
            "heads", "kv_heads", "seq_q",
            "seq_k", "head_dim", "causal", "dropout", "key_mask", "density", "threads", "block", "units", "kernels",
            "median_ms", "p10_ms", "p90_ms", "wall_median_ms", "wall_p10_ms", "wall_p90_ms", "jit_ms", "runs", "tflops",
            "executed_tflops", "bytes_model", "dram_bytes", "l2_bytes", "gb_per_s", "peak_device_bytes", "max_abs_error",
            "checked", "ceiling_fraction", "error", "versions",
            "command", "date");

    /** What says which measurement this is; the other fields say how it went. */
    public static final List<String> IDENTITY = List.of("backend", "driver", "device", "algorithm", "dtype", "direction",
            "batch", "heads", "kv_heads",
            "seq_q", "seq_k", "head_dim", "causal", "dropout", "key_mask", "density", "threads", "block", "units");

    /** Values of {@code units}, which says what multiplied on a device: fused multiply-adds, or tensor cores. */
    public static final String FMA = "fma";
    public static final String TENSOR_CORES = "tensor";

    /** The subcommand whose runs a profiler looks at. */
    public static final String PROFILE = "profile";

    private static final List<String> NEEDED = List.of("backend", "algorithm", "direction");

    private final Map<String, @Nullable Object> fields = new LinkedHashMap<>();

    /** A result with all fields unknown. */
    public Result() {
        FIELDS.forEach(field -> fields.put(field, null));
    }

    /**
     * Reads a line. Fields that this version does not know are left out.
     *
     * @throws IllegalArgumentException if it is no JSON object, or one of something else; the message says which
     */
    public static Result parse(String line) {
        Map<String, Object> read = object(line);
        for (String field : NEEDED) {
            if (!(read.get(field) instanceof String)) {
                throw new IllegalArgumentException("no result of this project: field '%s' is missing".formatted(field));
            }
        }
        Result result = new Result();
        read.forEach((field, value) -> {
            if (FIELDS.contains(field)) {
                result.fields.put(field, value);
            }
        });
        return result;
    }

    private static Map<String, Object> object(String line) {
        try (JsonParser parser = JSON.std.createParser(line)) {
            if (parser.nextToken() == JsonToken.START_OBJECT) {
                Map<String, Object> read = JSON.std.mapFrom(parser);
                if (parser.nextToken() == null) {
                    return read;
                }
            }
        } catch (IOException | IllegalStateException e) {
            throw new IllegalArgumentException("no JSON object", e);
        }
        throw new IllegalArgumentException("no JSON object");
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
        return with("batch", spec.batch()).with("heads", spec.heads()).with("kv_heads", spec.kvHeads()).with("seq_q", spec.seqQ())
                .with("seq_k", spec.seqK())
                .with("head_dim", spec.headDim()).with("causal", spec.causal() != Causal.NONE).with("dropout", spec.dropout())
                .with("key_mask", spec.keyLengths() == null ? null : true)
                .with("density", spec.blockMask() == null ? 1.0 : spec.blockMask().density());
    }

    /** The options in words, each behind the text {@code before}; "" if there is none. */
    public String options(String before) {
        StringBuilder words = new StringBuilder();
        if (Boolean.TRUE.equals(get("causal"))) {
            words.append(before).append("causal");
        }
        if (number("dropout") > 0) {
            words.append(before).append("dropout ").append(get("dropout"));
        }
        if (Boolean.TRUE.equals(get("key_mask"))) {
            words.append(before).append("key mask");
        }
        return words.toString();
    }

    /** The shape in words: batch, heads, queries, keys where they are another number, head dim. */
    public String shape() {
        boolean square = get("seq_k") == null || number("seq_q") == number("seq_k");
        return "b%s h%s n%s%s d%s".formatted(get("batch"), get("heads"), get("seq_q"), square ? "" : "x" + get("seq_k"),
                get("head_dim"));
    }

    /** The value of a field, null if unknown. */
    public @Nullable Object get(String field) {
        return fields.get(field);
    }

    /** The value of a number field; NaN if unknown. */
    public double number(String field) {
        return fields.get(field) instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /** The value of a text field, "" if unknown. */
    public String text(String field) {
        return fields.get(field) instanceof String text ? text : "";
    }

    /** Bytes of inputs and outputs: q, k, v, out and lse; backward also dOut, dq, dk and dv. */
    public double tensorBytes() {
        double queries = number("batch") * number("heads") * number("seq_q");
        double keys = number("batch") * number("kv_heads") * number("seq_k");
        double elements = 2 * (queries + keys) * number("head_dim");
        return (text("direction").equals("forward") ? 1 : 2) * elements * (text("dtype").equals("fp32") ? 4 : 2) + 4 * queries;
    }

    /** Whether float32 went through tensor cores. */
    public boolean splitsFloats() {
        return text("dtype").equals("fp32") && text("units").equals(TENSOR_CORES);
    }

    /** The type in words: {@code dtype}, and where float32 went through tensor cores that it did. */
    public String type() {
        return text("dtype") + (splitsFloats() ? " on tensor cores" : "");
    }

    /** Whether a text field is this text. */
    public boolean is(String field, String text) {
        return text(field).equals(text);
    }

    /** Whether this is a time that can be shown: it was compared with float64 and nothing failed. */
    public boolean timed() {
        return fields.get("error") == null && Boolean.TRUE.equals(fields.get("checked")) && number("median_ms") > 0;
    }

    /** Whether this says what a profiler is to count, or counted, of one run, which no time belongs to. */
    public boolean profiled() {
        return text("command").startsWith("scripts/bench " + PROFILE) && fields.get("median_ms") == null;
    }

    /** What says which measurement this is, in one text: equal for equal measurements. */
    public String identity() {
        return identity(IDENTITY);
    }

    /** Likewise, by some of the fields. */
    public String identity(List<String> by) {
        StringBuilder text = new StringBuilder();
        for (String field : by) {
            text.append(field).append('=').append(plain(fields.get(field))).append(' ');
        }
        return text.toString().strip();
    }

    /** A value as text, in which 1 and 1.0 are the same, as they are in JSON. */
    static String plain(@Nullable Object value) {
        if (value instanceof Number number) {
            double real = number.doubleValue();
            return real == Math.rint(real) && Math.abs(real) < 1e15 ? Long.toString((long) real) : Double.toString(real);
        }
        return value == null ? "null" : value.toString();
    }

    /** The line, without its end. */
    public String json() {
        try {
            return JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(fields);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
