package io.github.tornadoattention.host.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The cases of a folder: {@code cases.json} maps names to options, {@code NAME.npz} holds a case's arrays and expected results.
 */
final class Cases {
    private static final Set<String> FIELDS = Set.of("batch", "heads", "kv_heads", "seq_q", "seq_k", "head_dim", "scale",
            "causal", "window", "key_lengths", "block", "alibi", "softcap", "dtype", "dropout",
            "seed", "dropout_offset", "note");

    private final Path folder;
    private final Map<String, Map<String, Object>> fields;

    private Cases(Path folder, Map<String, Map<String, Object>> fields) {
        this.folder = folder;
        this.fields = fields;
    }

    /**
     * Reads {@code cases.json}; what a case says is looked at when it is run.
     *
     * @throws UsageException if it is missing or no JSON object of objects
     */
    static Cases read(Path folder) {
        Path file = folder.resolve("cases.json");
        if (!Files.isDirectory(folder)) {
            throw new UsageException("%s: %s".formatted(folder, Files.exists(folder) ? "is not a folder" : "no such folder"));
        }
        if (!Files.isRegularFile(file)) {
            throw new UsageException("%s: no such file; verify needs a folder with cases.json".formatted(file));
        }
        Map<String, Map<String, Object>> fields = new LinkedHashMap<>();
        try {
            for (Map.Entry<String, Object> entry : JSON.std.mapFrom(Files.readString(file)).entrySet()) {
                fields.put(entry.getKey(), object(file + ": case '" + entry.getKey() + "'", entry.getValue()));
            }
        } catch (IOException e) {
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage().lines().findFirst().orElse("");
            throw new UsageException("%s cannot be read as JSON: %s".formatted(file, reason), e);
        }
        return new Cases(folder, fields);
    }

    /**
     * The cases to run: those named, in the order of the file, or all.
     *
     * @throws UsageException if one of the names is unknown, or there is no case at all
     */
    List<String> select(List<String> names) {
        for (String name : names) {
            if (!fields.containsKey(name)) {
                throw new UsageException("no case '%s' in %s; there are: %s"
                        .formatted(name, folder.resolve("cases.json"), String.join(", ", fields.keySet())));
            }
        }
        List<String> selected = new ArrayList<>(fields.keySet());
        if (!names.isEmpty()) {
            selected.retainAll(names);
        }
        if (selected.isEmpty()) {
            throw new UsageException("%s holds no case".formatted(folder.resolve("cases.json")));
        }
        return selected;
    }

    /** The file of a case's arrays. */
    Path file(String name) {
        if (!Path.of(name).equals(Path.of(name).getFileName())) {
            throw new UsageException("case '%s': a name of a case is no path".formatted(name));
        }
        return folder.resolve(name + ".npz");
    }

    /**
     * What a case asks for besides its arrays.
     *
     * @throws UsageException if a field is unknown (it might change the result) or holds something else than expected
     */
    Options options(String name) {
        Fields of = fieldsOf(name);
        for (String field : of.values.keySet()) {
            if (!FIELDS.contains(field)) {
                throw new UsageException("%s: field '%s' is not supported yet".formatted(of.where, field));
            }
        }
        int[] window = of.integers("window");
        if (window != null && window.length != 2) {
            throw new UsageException("%s: window must be two numbers".formatted(of.where));
        }
        Map<String, Object> block = of.get("block") == null ? Map.of() : object(of.where + ": block", of.get("block"));
        return new Options(
                of.get("scale") == null ? null : of.number("scale"),
                of.causal(),
                window == null ? -1 : window[0],
                window == null ? -1 : window[1],
                of.integers("key_lengths"),
                block.isEmpty() ? 0 : new Fields(of.where + ": block", block).integer("size"),
                Boolean.TRUE.equals(of.get("alibi")),
                of.get("softcap") == null ? 0 : of.number("softcap"),
                of.get("dropout") == null ? 0 : of.number("dropout"),
                of.get("seed") == null ? 0 : of.wholeNumber("seed", Long.MIN_VALUE, Long.MAX_VALUE),
                of.get("dropout_offset") == null ? 0 : (int) of.wholeNumber("dropout_offset", 0, (1L << 32) - 1),

                of.dtype());
    }

    /**
     * Compares the sizes that a case states with those of its arrays.
     *
     * @throws UsageException if they differ
     */
    void requireSizes(String name, AttentionSpec spec) {
        Fields of = fieldsOf(name);
        of.requireEqual("batch", spec.batch());
        of.requireEqual("heads", spec.heads());
        of.requireEqual("kv_heads", spec.kvHeads());
        of.requireEqual("seq_q", spec.seqQ());
        of.requireEqual("seq_k", spec.seqK());
        of.requireEqual("head_dim", spec.headDim());
    }

    private Fields fieldsOf(String name) {
        String where = "case '" + name + "'";
        return new Fields(where, object(where, fields.get(name)));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(String where, @Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            return (Map<String, Object>) map;
        }
        throw new UsageException("%s is no JSON object".formatted(where));
    }

    /** The fields of one JSON object, with the words that errors call it by. */
    private record Fields(String where, Map<String, Object> values) {
        @Nullable Object get(String field) {
            return values.get(field);
        }

        double number(String field) {
            if (get(field) instanceof Number number) {
                return number.doubleValue();
            }
            throw new UsageException("%s: %s must be a number, is %s".formatted(where, field, get(field)));
        }

        Causal causal() {
            return switch (get("causal")) {
                case null -> Causal.NONE;
                case Object value when value.equals("top-left") -> Causal.TOP_LEFT;
                case Object value when value.equals("bottom-right") -> Causal.BOTTOM_RIGHT;
                case Object other -> throw new UsageException(
                        "%s: causal must be null, bottom-right or top-left, is %s".formatted(where, other));
            };
        }

        DType dtype() {
            try {
                return get("dtype") == null ? DType.FP32 : DType.of(String.valueOf(get("dtype")));
            } catch (IllegalArgumentException e) {
                throw new UsageException("%s: dtype %s".formatted(where, e.getMessage()), e);
            }
        }

        int integer(String field) {
            if (get(field) instanceof Integer number) {
                return number;
            }
            throw new UsageException("%s: %s must be a whole number, is %s".formatted(where, field, get(field)));
        }

        long wholeNumber(String field, long least, long most) {
            if ((get(field) instanceof Integer || get(field) instanceof Long) && get(field) instanceof Number number
                    && number.longValue() >= least && number.longValue() <= most) {
                return number.longValue();
            }
            throw new UsageException("%s: %s must be a whole number, %d..%d, is %s"
                    .formatted(where, field, least, most, get(field)));
        }

        int @Nullable [] integers(String field) {
            if (get(field) == null) {
                return null;
            }
            if (get(field) instanceof List<?> list && list.stream().allMatch(Integer.class::isInstance)) {
                return list.stream().mapToInt(Integer.class::cast).toArray();
            }
            throw new UsageException("%s: %s must be a list of whole numbers, is %s".formatted(where, field, get(field)));
        }

        void requireEqual(String field, int actual) {
            if (get(field) != null && integer(field) != actual) {
                throw new UsageException("%s: %s is %d, but its arrays have %d".formatted(where, field, integer(field), actual));
            }
        }
    }
}
